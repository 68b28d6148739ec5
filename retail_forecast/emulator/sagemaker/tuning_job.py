"""One tuning job: the training jobs it has started, and the best of them."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from retail_forecast.emulator.sagemaker.job import ENDED, TrainingJob

_KEPT = ("HyperParameterTuningJobName", "HyperParameterTuningJobConfig", "TrainingJobDefinition", "WarmStartConfig")


@dataclass
class TuningJob:
    """A tuning job. `ended_jobs` brings each training job that has ended, and None for an order to stop."""

    request: dict[str, Any]
    arn: str
    created: float = field(default_factory=time.time)
    status: str = "InProgress"
    failure_reason: str | None = None
    ended: float | None = None
    jobs: list[tuple[TrainingJob, dict[str, str]]] = field(default_factory=list)
    ended_jobs: queue.Queue[TrainingJob | None] = field(default_factory=queue.Queue)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def name(self) -> str:
        """The name that its creator gave it."""
        return str(self.request["HyperParameterTuningJobName"])

    @property
    def config(self) -> dict[str, Any]:
        """Strategy, objective, limits and ranges."""
        config: dict[str, Any] = self.request["HyperParameterTuningJobConfig"]
        return config

    @property
    def limits(self) -> dict[str, int]:
        """How many training jobs, in all and at a time."""
        limits: dict[str, int] = self.config["ResourceLimits"]
        return limits

    def end(self, status: str, reason: str | None = None) -> None:
        """Comes to its end."""
        self.failure_reason, self.ended, self.status = reason, time.time(), status
        self.over.set()

    def rows(self) -> list[dict[str, Any]]:
        """A summary of each training job, in the order of their start."""
        return [self._row(job, tuned) for job, tuned in list(self.jobs)]

    def best(self) -> dict[str, Any] | None:
        """The summary of the training job with the best final figure, if there is any."""
        key = "FinalHyperParameterTuningJobObjectiveMetric"
        rows = [row for row in self.rows() if key in row]
        if not rows:
            return None
        choose = min if self._objective["Type"] == "Minimize" else max
        return choose(rows, key=lambda row: row[key]["Value"])

    def summarize(self) -> dict[str, Any]:
        """A row of ListHyperParameterTuningJobs."""
        rows = self.rows()
        of_status = Counter(row["TrainingJobStatus"] for row in rows)
        of_objective = Counter(row["ObjectiveStatus"] for row in rows)
        answer = {
            "HyperParameterTuningJobName": self.name,
            "HyperParameterTuningJobArn": self.arn,
            "HyperParameterTuningJobStatus": self.status,
            "Strategy": self.config["Strategy"],
            "ResourceLimits": self.limits,
            "CreationTime": self.created,
            "LastModifiedTime": self.ended or time.time(),
            "HyperParameterTuningEndTime": self.ended,
            "TrainingJobStatusCounters": {
                "Completed": of_status["Completed"],
                "InProgress": of_status["InProgress"] + of_status["Stopping"],
                "RetryableError": 0,
                "NonRetryableError": of_status["Failed"],
                "Stopped": of_status["Stopped"],
            },
            "ObjectiveStatusCounters": {name: of_objective[name] for name in ("Succeeded", "Pending", "Failed")},
        }
        return {key: value for key, value in answer.items() if value is not None}

    def describe(self) -> dict[str, Any]:
        """The answer to DescribeHyperParameterTuningJob."""
        summary = {key: value for key, value in self.summarize().items() if key not in ("Strategy", "ResourceLimits")}
        asked = {key: self.request[key] for key in _KEPT if key in self.request}
        found = {"BestTrainingJob": self.best(), "FailureReason": self.failure_reason}
        return asked | summary | {key: value for key, value in found.items() if value}

    @property
    def _objective(self) -> dict[str, str]:
        objective: dict[str, str] = self.config["HyperParameterTuningJobObjective"]
        return objective

    def _row(self, job: TrainingJob, tuned: dict[str, str]) -> dict[str, Any]:
        ended = job.status in ENDED
        figure = job.metrics.get(self._objective["MetricName"]) if ended else None
        row = {
            "TrainingJobName": job.name,
            "TrainingJobArn": job.arn,
            "CreationTime": job.created,
            "TrainingStartTime": job.training_started,
            "TrainingEndTime": job.ended,
            "TrainingJobStatus": job.status,
            "TunedHyperParameters": tuned,
            "FailureReason": job.failure_reason,
            "ObjectiveStatus": "Pending" if not ended else "Succeeded" if figure else "Failed",
            "FinalHyperParameterTuningJobObjectiveMetric": {**self._objective, "Value": figure[0]} if figure else None,
        }
        return {key: value for key, value in row.items() if value is not None}
