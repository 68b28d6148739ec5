"""A host's output: line by line to CloudWatch Logs while it comes, and searched for the job's metrics."""

from __future__ import annotations

import logging
import queue
import re
import threading
import time
from collections.abc import Iterable, Mapping
from typing import IO, Any

GROUP = "/aws/sagemaker/TrainingJobs"
_BATCH = 1000
_LOG = logging.getLogger(__name__)


class LogStream:
    """Ships lines on a thread of its own, so that a slow CloudWatch does not hold up the container."""

    def __init__(self, logs: Any, name: str) -> None:
        self._logs, self._name = logs, name
        self._lines: queue.Queue[tuple[int, str] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._ship, daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Takes one line; CloudWatch refuses empty ones."""
        self._lines.put((int(time.time() * 1000), line or " "))

    def close(self) -> None:
        """Returns when every line has been shipped."""
        self._lines.put(None)
        self._thread.join()

    def _ship(self) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._open()
            while batch := self._next_batch():
                events = [{"timestamp": at, "message": text} for at, text in batch]
                self._logs.put_log_events(logGroupName=GROUP, logStreamName=self._name, logEvents=events)
        except (ClientError, BotoCoreError) as error:
            _LOG.warning("%s: the log is not shipped any further: %s", self._name, error)

    def _open(self) -> None:
        try:
            self._logs.create_log_group(logGroupName=GROUP)
        except self._logs.exceptions.ResourceAlreadyExistsException:
            _LOG.debug("%s exists", GROUP)
        self._logs.create_log_stream(logGroupName=GROUP, logStreamName=self._name)

    def _next_batch(self) -> list[tuple[int, str]]:
        batch: list[tuple[int, str]] = []
        item = self._lines.get()
        while item is not None:
            batch.append(item)
            if len(batch) == _BATCH or self._lines.empty():
                return batch
            item = self._lines.get()
        if batch:
            self._lines.put(None)
        return batch


class MetricReader:
    """Finds figures in lines by the MetricDefinitions of a job; the last one of a name counts."""

    def __init__(self, definitions: Iterable[Mapping[str, str]]) -> None:
        self._patterns = {row["Name"]: re.compile(row["Regex"]) for row in definitions}
        self.found: dict[str, tuple[float, float]] = {}

    def read(self, line: str) -> None:
        """Looks for every metric; a match without a number is none."""
        for name, pattern in self._patterns.items():
            for match in pattern.finditer(line):
                try:
                    self.found[name] = (float(match.group(1)), time.time())
                except (ValueError, IndexError):
                    continue


def follow(output: IO[bytes], stream: LogStream, metrics: MetricReader) -> None:
    """Reads a container's output to its end."""
    for raw in output:
        line = raw.decode("utf-8", errors="replace").rstrip("\r\n")
        metrics.read(line)
        stream.write(line)
    stream.close()
