"""Counts of answers and of how long they took, small enough to be a part of a replica's report."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

SECONDS = tuple(round(0.00025 * 2 ** (step / 2), 6) for step in range(33))
"""Upper bounds of times: from 0.25 ms to 16 s, two to a doubling."""


class Histogram:
    """How many values were no larger than each bound. One thread at a time writes."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)

    def add(self, value: float) -> None:
        """Counts one value."""
        self._counts[bisect_left(self._bounds, value)] += 1

    def to_json(self) -> dict[str, int]:
        """Upper bound (a text) to the values that were no larger, as Prometheus has it; empty without values.

        >>> histogram = Histogram([0.1, 1])
        >>> histogram.add(0.5)
        >>> histogram.to_json()
        {'0.1': 0, '1': 1, '+Inf': 1}
        """
        if not any(self._counts):
            return {}
        names = [*(f"{bound:g}" for bound in self._bounds), "+Inf"]
        return dict(zip(names, accumulate(self._counts), strict=True))


class Tally:
    """What one vintage answered: how often with which status, and in what time."""

    def __init__(self) -> None:
        self._requests: Counter[str] = Counter()
        self._seconds = Histogram(SECONDS)
        self.total = 0
        self.errors = 0

    def add(self, status: int, seconds: float) -> None:
        """Counts one answer; those with a status of 500 or above are errors."""
        self._requests[str(status)] += 1
        self._seconds.add(seconds)
        self.total += 1
        self.errors += status >= 500

    def to_json(self) -> dict[str, Any]:
        """What `load.Load.from_json` takes."""
        return {"seconds": self._seconds.to_json(), "requests": dict(self._requests)}
