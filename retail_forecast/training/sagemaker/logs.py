"""The log of a training job, read from CloudWatch while it is written: one stream per host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from retail_forecast.aws import aws_errors
from retail_forecast.errors import AwsError

GROUP = "/aws/sagemaker/TrainingJobs"
_NOT_YET = ("ResourceNotFoundException",)


class LogTail:
    """What is new in the streams of a job. Lines of the first host come as they are, others say their host."""

    def __init__(self, logs: Any, job_name: str) -> None:
        self._logs, self._job_name = logs, job_name
        self._tokens: dict[str, str | None] = {}
        self._refused: str | None = None

    def read(self, on_line: Callable[[str], None]) -> int:
        """Hands on each line that came since the last call; how many. A log that may not be read is said once."""
        try:
            with aws_errors(f"The log of {self._job_name}"):
                return sum(self._read_stream(stream, on_line) for stream in self._streams())
        except AwsError as error:
            if error.code not in _NOT_YET and self._refused != error.code:
                self._refused = error.code
                on_line(f"The log cannot be read: {error}")
        return 0

    def _streams(self) -> list[str]:
        pages = self._logs.get_paginator("describe_log_streams").paginate(
            logGroupName=GROUP, logStreamNamePrefix=f"{self._job_name}/"
        )
        return sorted(stream["logStreamName"] for page in pages for stream in page["logStreams"])

    def _read_stream(self, stream: str, on_line: Callable[[str], None]) -> int:
        host = stream.removeprefix(f"{self._job_name}/").rsplit("-", 1)[0]
        mark = "" if host == "algo-1" else f"[{host}] "
        lines = 0
        while True:
            before = self._tokens.get(stream)
            more = {"nextToken": before} if before is not None else {}
            page = self._logs.get_log_events(logGroupName=GROUP, logStreamName=stream, startFromHead=True, **more)
            for event in page["events"]:
                on_line(mark + event["message"].rstrip("\n"))
            lines += len(page["events"])
            self._tokens[stream] = page["nextForwardToken"]
            if page["nextForwardToken"] == before:
                return lines
