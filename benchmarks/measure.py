"""One step in a process of its own: how long its laps took and how much memory it needed at its peak.

    python -m benchmarks.measure '{"module": …, "function": …, "arguments": {…}, "cores": 2, "out": "result.json"}'

is what `measure` starts. A step is a function at module level that takes plain values and returns a `Result`. The
process that calls `measure` must stay small itself: Linux counts a parent's memory at the start of its child.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

SAMPLE_SECONDS = 0.1
Result = dict[str, Any]


@dataclass
class Clock:
    """Seconds of wall time by lap."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def lap(self, name: str) -> Iterator[None]:
        """Adds what happens inside to the lap."""
        started = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started


@dataclass(frozen=True)
class Measured:
    """What a step took. seconds: by lap. peak_gb: resident memory, 10⁹ bytes. facts: what else the step says."""

    seconds: dict[str, float]
    peak_gb: float
    facts: Result

    def total(self, *laps: str) -> float:
        """Seconds of these laps, or of all of them."""
        return sum(self.seconds[lap] for lap in laps or self.seconds)


def measure(step: Callable[..., Result], *, cores: int, repeats: int = 1, **arguments: Any) -> Measured:
    """Runs the step `repeats` times, each in a fresh process on `cores` cores; the quickest counts.

    The peak is the kernel's own (wait4) for a single process. While a step has children, all resident sets are
    summed every 0.1 s; memory that they share then counts in each of them, so the sum is an upper bound.
    Raises RuntimeError when the step fails.
    """
    return min((_measured(step, cores, arguments) for _ in range(repeats)), key=lambda one: one.total())


def _measured(step: Callable[..., Result], cores: int, arguments: Result) -> Measured:
    with tempfile.TemporaryDirectory(prefix="rf-bench-") as folder:
        out = Path(folder) / "result.json"
        order: Result = {"module": step.__module__, "function": step.__name__, "arguments": arguments}
        order |= {"cores": cores, "out": str(out)}
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.measure", json.dumps(order, default=str)], stdout=sys.stderr
        )
        status, peak_bytes = _wait(process.pid)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise RuntimeError(f"{step.__module__}.{step.__name__} ended with {process.returncode}; see above.")
        facts: Result = json.loads(out.read_text(encoding="utf-8"))
    return Measured(facts.pop("seconds", {}), peak_bytes / 1e9, facts)


def _wait(pid: int) -> tuple[int, int]:
    """(exit status, peak bytes of the process and its descendants)."""
    peak = 0
    while True:
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        if ended:
            own = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
            return status, max(peak, own)
        peak = max(peak, _resident_bytes(pid))
        time.sleep(SAMPLE_SECONDS)


def _resident_bytes(pid: int) -> int:
    try:
        family = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return 0
    total = 0
    for process in [psutil.Process(pid), *family] if family else []:
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def _main(order: dict[str, Any]) -> None:
    if hasattr(os, "sched_setaffinity"):  # before anything counts the cores: Polars does so when it is imported
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: order["cores"]])
    step = getattr(importlib.import_module(order["module"]), order["function"])
    Path(order["out"]).write_text(json.dumps(step(**order["arguments"])), encoding="utf-8")


if __name__ == "__main__":
    _main(json.loads(sys.argv[1]))
