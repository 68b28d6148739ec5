"""The calls on tuning jobs of one region: training jobs are fanned out over the ranges, and the best one is picked."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from retail_forecast.emulator.sagemaker.errors import RefusedError, not_found
from retail_forecast.emulator.sagemaker.job import ENDED, TrainingJob
from retail_forecast.emulator.sagemaker.listing import page_of
from retail_forecast.emulator.sagemaker.ranges import draw_parameters
from retail_forecast.emulator.sagemaker.training_jobs import ACCOUNT, TrainingJobs, check_request
from retail_forecast.emulator.sagemaker.tuning_job import TuningJob

_HANDED_ON = (
    *("AlgorithmSpecification", "RoleArn", "InputDataConfig", "VpcConfig", "OutputDataConfig", "StoppingCondition"),
    *("EnableManagedSpotTraining", "CheckpointConfig", "Environment", "RetryStrategy"),
    *("EnableNetworkIsolation", "EnableInterContainerTrafficEncryption"),
)
_LOG = logging.getLogger(__name__)


@dataclass
class TuningJobs:
    """Tuning jobs by name."""

    region: str
    training: TrainingJobs
    jobs: dict[str, TuningJob] = field(default_factory=dict)

    def create(self, request: dict[str, Any]) -> TuningJob:
        """Starts a tuning job on a thread of its own."""
        name = request["HyperParameterTuningJobName"]
        if name in self.jobs:
            raise RefusedError("ResourceInUse", f"Tuning job names must be unique within an AWS account: {name}")
        if "TrainingJobDefinition" not in request:
            raise RefusedError("ValidationException", "The emulator takes one TrainingJobDefinition.")
        arn = f"arn:aws:sagemaker:{self.region}:{ACCOUNT}:hyper-parameter-tuning-job/{name}"
        tuning = TuningJob(request, arn)
        next(draw_parameters(tuning.config))
        check_request(_training_request(tuning, 1, {}))
        self.jobs[name] = tuning
        threading.Thread(target=self._run, args=(tuning,), name=name, daemon=True).start()
        return tuning

    def describe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """DescribeHyperParameterTuningJob."""
        return self._named(request).describe()

    def list(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """ListHyperParameterTuningJobs."""
        return page_of(
            [job.summarize() for job in list(self.jobs.values())],
            request,
            name="HyperParameterTuningJobName",
            status="HyperParameterTuningJobStatus",
            key="HyperParameterTuningJobSummaries",
        )

    def list_training_jobs(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """ListTrainingJobsForHyperParameterTuningJob. Sorted by the final figure, jobs without one are left out."""
        rows = self._named(request).rows()
        metric = "FinalHyperParameterTuningJobObjectiveMetric"
        if request.get("SortBy") == "FinalObjectiveMetricValue":
            rows = [row | {"FinalObjectiveMetricValue": row[metric]["Value"]} for row in rows if metric in row]
        answer = page_of(rows, request, name="TrainingJobName", status="TrainingJobStatus", key="TrainingJobSummaries")
        for row in answer["TrainingJobSummaries"]:
            row.pop("FinalObjectiveMetricValue", None)
        return answer

    def stop(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """StopHyperParameterTuningJob: what runs is stopped, and nothing more is started."""
        tuning = self._named(request)
        if not tuning.over.is_set():
            tuning.status = "Stopping"
            tuning.ended_jobs.put(None)
        return {}

    def training_job_ended(self, job: TrainingJob) -> None:
        """Tells a tuning job that one of its training jobs is over."""
        for tuning in self.jobs.values():
            if tuning.arn == job.tuning_job_arn:
                tuning.ended_jobs.put(job)

    def _named(self, request: Mapping[str, Any]) -> TuningJob:
        name = request["HyperParameterTuningJobName"]
        if name not in self.jobs:
            raise not_found(f"tuning job {name}")
        return self.jobs[name]

    def _run(self, tuning: TuningJob) -> None:
        try:
            self._fan_out(tuning)
        except RefusedError as error:
            tuning.end("Failed", f"A training job was refused: {error}")
        except Exception as error:
            _LOG.exception("%s", tuning.name)
            tuning.end("Failed", f"InternalServerError: {error}")
            raise

    def _fan_out(self, tuning: TuningJob) -> None:
        draws = draw_parameters(tuning.config)
        left, running = tuning.limits["MaxNumberOfTrainingJobs"], 0
        while True:
            while left and tuning.status == "InProgress" and running < tuning.limits["MaxParallelTrainingJobs"]:
                tuned = next(draws, None)
                if tuned is None:
                    left = 0
                    break
                self._start(tuning, tuned)
                left, running = left - 1, running + 1
            if not running:
                break
            if tuning.ended_jobs.get() is None:
                self._stop_all(tuning)
            else:
                running -= 1
        if tuning.status == "Stopping":
            tuning.end("Stopped")
        elif tuning.best() is None:
            tuning.end("Failed", "All training jobs failed, or none printed the objective metric.")
        else:
            tuning.end("Completed")

    def _start(self, tuning: TuningJob, tuned: dict[str, str]) -> None:
        request = _training_request(tuning, len(tuning.jobs) + 1, tuned)
        tuning.jobs.append((self.training.create(request, tuning_job_arn=tuning.arn), tuned))

    def _stop_all(self, tuning: TuningJob) -> None:
        for job, _ in tuning.jobs:
            if job.status not in ENDED:
                with suppress(RefusedError):  # it has ended in between
                    self.training.stop({"TrainingJobName": job.name})


def _training_request(tuning: TuningJob, number: int, tuned: Mapping[str, str]) -> dict[str, Any]:
    definition = tuning.request["TrainingJobDefinition"]
    objective = tuning.config["HyperParameterTuningJobObjective"]["MetricName"]
    resources = definition.get("ResourceConfig") or definition.get("HyperParameterTuningResourceConfig")
    static = definition.get("StaticHyperParameters") or {}
    return {
        "TrainingJobName": f"{tuning.name}-{number:03d}-{uuid.uuid4().hex[:8]}",
        "HyperParameters": {**static, **tuned, "_tuning_objective_metric": objective},
        **{key: definition[key] for key in _HANDED_ON if key in definition},
        **({"ResourceConfig": resources} if resources else {}),
    }
