"""One training job: what was asked for, and how far it has come."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, field
from typing import Any

ENDED = ("Completed", "Failed", "Stopped")
SPOT_PRICE_SHARE = 0.3
"""What spot costs of the price on demand; SageMaker tells it by billing fewer seconds."""

_MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Stopping": "Stopping the training job",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Resources provisioned and training job stopped: it ran longer than MaxRuntimeInSeconds",
    "MaxWaitTimeExceeded": "Training job stopped: it waited longer than MaxWaitTimeInSeconds",
    "Interrupted": "Spot capacity was taken back; the job waits for new capacity",
    "Completed": "Training job completed",
}


@dataclass
class TrainingJob:
    """A training job. Times are seconds since the epoch; `training_seconds` counts all its attempts."""

    request: dict[str, Any]
    arn: str
    region: str
    tuning_job_arn: str | None = None
    created: float = field(default_factory=time.time)
    status: str = "InProgress"
    secondary: str = "Starting"
    transitions: list[dict[str, Any]] = field(default_factory=list)
    failure_reason: str | None = None
    metrics: dict[str, tuple[float, float]] = field(default_factory=dict)
    training_started: float | None = None
    ended: float | None = None
    training_seconds: float = 0.0
    over: threading.Event = field(default_factory=threading.Event)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def name(self) -> str:
        """The name that its creator gave it."""
        return str(self.request["TrainingJobName"])

    @property
    def is_spot(self) -> bool:
        """Whether it runs on capacity that may be taken back."""
        return bool(self.request.get("EnableManagedSpotTraining"))

    def enter(self, secondary: str, *, status: str = "InProgress", message: str | None = None) -> None:
        """Goes over into a secondary status; a job that is being stopped stays "Stopping" until it has stopped."""
        with self._lock:
            now = time.time()
            if self.status in ENDED or (self.status == "Stopping" and status == "InProgress"):
                return
            if self.transitions:
                self.transitions[-1]["EndTime"] = now
            text = message or _MESSAGES.get(secondary, secondary)
            self.transitions.append({"Status": secondary, "StartTime": now, "StatusMessage": text})
            self.status, self.secondary = status, secondary
            if secondary == "Training" and self.training_started is None:
                self.training_started = now
            if status in ENDED:
                self.ended = self.transitions[-1]["EndTime"] = now
                self.over.set()

    def fail(self, reason: str) -> None:
        """Ends as failed."""
        self.failure_reason = reason
        self.enter("Failed", status="Failed", message=reason)

    def describe(self) -> dict[str, Any]:
        """The answer to DescribeTrainingJob: the request, and what became of it."""
        with self._lock:
            answer = {key: value for key, value in self.request.items() if key != "Tags"} | {
                "TrainingJobArn": self.arn,
                "TrainingJobStatus": self.status,
                "SecondaryStatus": self.secondary,
                "SecondaryStatusTransitions": [dict(step) for step in self.transitions],
                "CreationTime": self.created,
                "LastModifiedTime": self._last_modified,
                "TuningJobArn": self.tuning_job_arn,
                "FailureReason": self.failure_reason,
                "TrainingStartTime": self.training_started,
                "TrainingEndTime": self.ended,
                **self._outcome(),
            }
        return {key: value for key, value in answer.items() if value is not None}

    def summarize(self) -> dict[str, Any]:
        """A row of ListTrainingJobs."""
        keys = (
            *("TrainingJobName", "TrainingJobArn", "CreationTime", "TrainingEndTime", "LastModifiedTime"),
            *("TrainingJobStatus", "SecondaryStatus"),
        )
        described = self.describe()
        return {key: described[key] for key in keys if key in described}

    @property
    def model_artifact(self) -> str:
        """The URI of the model, once it is there."""
        return f"{self.output_prefix}/model.tar.gz"

    @property
    def output_prefix(self) -> str:
        """The URI below which results go."""
        return f"{self.request['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{self.name}/output"

    @property
    def _last_modified(self) -> float:
        last = self.transitions[-1] if self.transitions else {}
        return float(last.get("EndTime") or last.get("StartTime") or self.created)

    def _outcome(self) -> dict[str, Any]:
        if self.status not in ENDED:
            return {}
        seconds = max(1, math.ceil(self.training_seconds))
        billed = max(1, math.floor(seconds * SPOT_PRICE_SHARE)) if self.is_spot else seconds
        figures = [
            {"MetricName": name, "Value": value, "Timestamp": at} for name, (value, at) in sorted(self.metrics.items())
        ]
        artifact = {"S3ModelArtifacts": self.model_artifact} if self.status != "Failed" else None
        return {
            "TrainingTimeInSeconds": seconds,
            "BillableTimeInSeconds": billed,
            "FinalMetricDataList": figures or None,
            "ModelArtifacts": artifact,
        }
