"""How long to wait for what starts on this machine, which may be busy with other work."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import psutil

SLOWEST = 0.1
_LOOK_SECONDS = 1.0


def _idle_seconds() -> float:
    return float(psutil.cpu_times().idle)


@dataclass
class Patience:
    """Is over after `seconds` of a machine that is idle, and later on a busy one: after ten times as long at most.

    What waits for a processor is late, not stuck, so time counts by the share of the processors that had nothing to
    do. What is stuck on an idle machine is given up as soon as ever. Where something else than this machine is waited
    for (not `here`), it counts by the clock.
    """

    seconds: float
    here: bool = True
    clock: Callable[[], float] = time.monotonic
    idle_seconds: Callable[[], float] = _idle_seconds
    processors: int = field(default_factory=lambda: psutil.cpu_count() or 1)

    def __post_init__(self) -> None:
        self._begun = self._seen = self.clock()
        self._idle, self._spent = self.idle_seconds(), 0.0

    @property
    def waited(self) -> float:
        """Seconds since it began, by the clock."""
        return self.clock() - self._begun

    def is_over(self) -> bool:
        """Whether to give up now."""
        now = self.clock()
        if (passed := now - self._seen) >= min(_LOOK_SECONDS, self.seconds / 4):
            idle = self.idle_seconds()
            share = (idle - self._idle) / (passed * self.processors) if self.here else 1.0
            self._spent += passed * min(max(share, SLOWEST), 1.0)
            self._seen, self._idle = now, idle
        return self._spent >= self.seconds
