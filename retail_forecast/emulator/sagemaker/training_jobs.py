"""The calls on training jobs of one region."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from retail_forecast.emulator.sagemaker.access import RoleSessions
from retail_forecast.emulator.sagemaker.attempt import World
from retail_forecast.emulator.sagemaker.errors import RefusedError, not_found
from retail_forecast.emulator.sagemaker.job import ENDED, TrainingJob
from retail_forecast.emulator.sagemaker.listing import page_of
from retail_forecast.emulator.sagemaker.run import JobRun

ACCOUNT = "123456789012"


@dataclass
class TrainingJobs:
    """Training jobs by name. `notify` gets (job) at each of their ends."""

    region: str
    world: World
    roles: RoleSessions
    notify: Callable[[TrainingJob], None]
    jobs: dict[str, TrainingJob] = field(default_factory=dict)
    planned_failures: list[str] = field(default_factory=list)
    _runs: dict[str, JobRun] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def create(self, request: dict[str, Any], *, tuning_job_arn: str | None = None) -> TrainingJob:
        """Starts a job. Raises RefusedError for a name that was used before."""
        check_request(request)
        name = request["TrainingJobName"]
        with self._lock:
            if name in self.jobs:
                raise RefusedError(
                    "ResourceInUse", f"Training job names must be unique within an AWS account and region: {name}"
                )
            arn = f"arn:aws:sagemaker:{self.region}:{ACCOUNT}:training-job/{name}"
            job = self.jobs[name] = TrainingJob(request, arn, self.region, tuning_job_arn)
            failure = self.planned_failures.pop(0) if self.planned_failures else None
        job.enter("Starting")
        if failure:
            job.fail(failure)
            self.notify(job)
            return job
        run = self._runs[name] = JobRun(self.world, job, self.roles.open(request["RoleArn"], self.region), self.notify)
        run.start()
        return job

    def describe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """DescribeTrainingJob."""
        return self.named(request["TrainingJobName"]).describe()

    def stop(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """StopTrainingJob."""
        job = self.named(request["TrainingJobName"])
        if job.status in ENDED:
            message = f"The request was rejected because the training job is in status {job.status}."
            raise RefusedError("ValidationException", message)
        self._runs[job.name].stop()
        return {}

    def interrupt(self, name: str) -> None:
        """Takes the capacity of a running spot job back."""
        job = self.named(name)
        if not job.is_spot or job.status != "InProgress":
            kind = "a spot job" if job.is_spot else "no spot job"
            raise RefusedError("Conflict", f"{name} is {kind} in status {job.status}; only spot jobs in progress are.")
        self._runs[name].interrupt()

    def list(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """ListTrainingJobs."""
        rows = [job.summarize() for job in list(self.jobs.values())]
        return page_of(rows, request, name="TrainingJobName", status="TrainingJobStatus", key="TrainingJobSummaries")

    def named(self, name: str) -> TrainingJob:
        """A job by its name. Raises RefusedError if there is none."""
        if name not in self.jobs:
            raise not_found(f"training job {name}")
        return self.jobs[name]

    def close(self) -> None:
        """Stops what still runs, at once."""
        for name, run in self._runs.items():
            if self.jobs[name].status not in ENDED:
                run.kill()
        for run in self._runs.values():
            run.join()


def check_request(request: dict[str, Any]) -> None:
    """What the model of the service does not say, but SageMaker demands."""
    stopping = request.setdefault("StoppingCondition", {"MaxRuntimeInSeconds": 86_400})
    wait, runtime = stopping.get("MaxWaitTimeInSeconds"), stopping.get("MaxRuntimeInSeconds", 86_400)
    if request.get("EnableManagedSpotTraining") and (wait is None or wait < runtime):
        raise _invalid(
            "MaxWaitTimeInSeconds must be present and at least MaxRuntimeInSeconds for managed spot training"
        )
    if wait is not None and not request.get("EnableManagedSpotTraining"):
        raise _invalid("MaxWaitTimeInSeconds is allowed for managed spot training only")
    for name in ("AlgorithmSpecification", "ResourceConfig"):
        if name not in request:
            raise _invalid(f"{name} is required")
    for channel in request.get("InputDataConfig") or []:
        source = channel["DataSource"].get("S3DataSource")
        if not source or source["S3DataType"] != "S3Prefix" or channel.get("InputMode") == "Pipe":
            raise _invalid(f"channel {channel['ChannelName']}: the emulator reads S3Prefix in File mode only")
    for metric in request["AlgorithmSpecification"].get("MetricDefinitions") or []:
        try:
            re.compile(metric["Regex"])
        except re.error as error:
            raise _invalid(f"the regular expression of metric {metric['Name']} is wrong: {error}") from error


def _invalid(message: str) -> RefusedError:
    return RefusedError("ValidationException", f"Invalid request: {message}.")
