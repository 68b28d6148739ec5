"""Training jobs of SageMaker from their start to their end: start one or find it again, follow it, stop it.

A job goes on without whoever started it. So a name is looked for before it is started, and a poll that fails for a
while (the network, throttling) is tried again: the end of a connection is not the end of a job.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from retail_forecast.aws import aws_errors
from retail_forecast.errors import AwsError, TrainingError
from retail_forecast.training.sagemaker.failures import failure_of
from retail_forecast.training.sagemaker.logs import LogTail
from retail_forecast.training.sagemaker.request import attempt_name

Described = Mapping[str, Any]
"""What DescribeTrainingJob says of a job."""

ENDED = ("Completed", "Failed", "Stopped")
_IN_USE = ("ResourceInUse", "ResourceInUseException")
_LASTING = ("AccessDeniedException", "AccessDenied", "ExpiredToken", "ExpiredTokenException", "ValidationException")
_TAIL_LINES = 20


@dataclass(frozen=True)
class SageMakerJobs:
    """Training jobs through clients of sagemaker and logs.

    Polls wait from `first_wait_seconds` to `longest_wait_seconds`, and go on for `patience_seconds` while they fail.
    After the end, the log is read until nothing has come for `settle_seconds`: CloudWatch lags behind.
    """

    sagemaker: Any
    logs: Any
    first_wait_seconds: float = 1.0
    longest_wait_seconds: float = 10.0
    patience_seconds: float = 900.0
    settle_seconds: float = 3.0

    def find(self, name: str, is_usable: Callable[[Described], bool] = lambda _: True) -> tuple[str, Described | None]:
        """The attempt at a job that is under way or ended well (if it `is_usable`), or the name of the next one."""
        number = 1
        while True:
            attempt = attempt_name(name, number)
            described = self.describe(attempt)
            if described is None:
                return attempt, None
            status = described["TrainingJobStatus"]
            if status == "InProgress" or (status == "Completed" and is_usable(described)):
                return attempt, described
            number += 1

    def start(self, request: Mapping[str, Any]) -> str:
        """Starts the job, or finds that somebody else just did; its ARN. Raises TrainingError with what to do."""
        name = request["TrainingJobName"]
        try:
            with aws_errors(f"Training job {name}"):
                return str(self.sagemaker.create_training_job(**request)["TrainingJobArn"])
        except AwsError as error:
            if error.code not in _IN_USE:
                raise TrainingError(f"Job {name} could not be started. {error}") from error
        described = self.describe(name)
        if described is None or described["TrainingJobStatus"] not in ("InProgress", "Completed"):
            raise TrainingError(f"Job {name} was started by another process and ended meanwhile. Run it again.")
        return str(described["TrainingJobArn"])

    def describe(self, name: str) -> Described | None:
        """The job as SageMaker shows it, or None if there is none of that name."""
        try:
            with aws_errors(f"Training job {name}"):
                described: Described = self.sagemaker.describe_training_job(TrainingJobName=name)
                return described
        except AwsError as error:
            if error.code in ("ValidationException", "ResourceNotFound"):
                return None
            raise

    def follow(
        self, name: str, on_line: Callable[[str], None], on_poll: Callable[[Described], None] = lambda _: None
    ) -> Described:
        """The finished job. `on_line` gets its log as it comes, `on_poll` each state. Raises TrainingError."""
        tail: deque[str] = deque(maxlen=_TAIL_LINES)

        def listen(line: str) -> None:
            tail.append(line)
            on_line(line)

        log = LogTail(self.logs, name)
        for described in self._polls(name):
            log.read(listen)
            on_poll(described)
            if described["TrainingJobStatus"] in ENDED:
                break
        self._settle(log, listen)
        if described["TrainingJobStatus"] != "Completed":
            raise failure_of(described, tail)
        return described

    def stop(self, name: str) -> None:
        """Asks the job to stop; one that has ended already is left alone."""
        try:
            with aws_errors(f"Training job {name}"):
                self.sagemaker.stop_training_job(TrainingJobName=name)
        except AwsError as error:
            if error.code != "ValidationException":
                raise

    def _polls(self, name: str) -> Iterator[Described]:
        wait, seen = self.first_wait_seconds, time.monotonic()
        while True:
            try:
                described = self.describe(name)
            except AwsError as error:
                if is_lasting(error) or time.monotonic() - seen > self.patience_seconds:
                    raise
            else:
                if described is None:
                    raise TrainingError(f"Job {name} is gone from SageMaker. Run it again.")
                seen = time.monotonic()
                yield described
            time.sleep(wait)
            wait = min(wait * 1.3, self.longest_wait_seconds)

    def _settle(self, log: LogTail, on_line: Callable[[str], None]) -> None:
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < self.settle_seconds:
            time.sleep(min(0.5, self.settle_seconds))
            if log.read(on_line):
                quiet_since = time.monotonic()


def is_lasting(error: AwsError) -> bool:
    """Whether a call that was refused so will be refused again."""
    return error.code in _LASTING


def console_url(described: Described) -> str:
    """The job's page in the console of AWS."""
    region = described["TrainingJobArn"].split(":")[3]
    host = f"https://{region}.console.aws.amazon.com/sagemaker/home?region={region}"
    return f"{host}#/jobs/{described['TrainingJobName']}"
