"""From what rows look back to, to the rows: one float column per feature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retail_forecast.features.sums import Feature
from retail_forecast.features.timeline import Places, Timeline, Views


@dataclass(frozen=True)
class Column:
    """A feature of E entities: `compute()` gives what rows look back to, [E, U], NaN where it is unknown.

    What many rows look back to is worked out once, and not at all before it is asked for.
    """

    name: str
    view: Views
    compute: Callable[[], Feature]


@dataclass(frozen=True)
class Rows:
    """Where the rows of N series lie in a column: one series after the other, each from its first sale on.

    begin [N]: the place among `timeline.rows` of a series' first row; ends [N + 1]: the number of rows before a series.
    """

    begin: list[int]
    ends: list[int]

    @property
    def counts(self) -> NDArray[np.int64]:
        """[N]: the number of rows of each series."""
        return np.diff(self.ends)

    def write(self, values: NDArray[Any], target: NDArray[Any], start: int = 0) -> None:
        """Writes a value per place, [E, P], for the series from `start` on into their rows of the column `target`."""
        lines = [line[begin:] for line, begin in zip(values, self.begin[start:], strict=False)]
        if lines:
            np.concatenate(lines, out=target[self.ends[start] : self.ends[start + len(lines)]])


def lay_out(born: Places, timeline: Timeline) -> Rows:
    """The rows of series that were born in these periods."""
    begin = np.clip(born - timeline.spec.warm_up, 0, len(timeline.rows))
    ends = np.concatenate([[0], np.cumsum(len(timeline.rows) - begin)])
    return Rows(begin.tolist(), ends.tolist())
