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
    """The R rows of E series: one series after the other, each from its first sale on.

    counts [E]: the rows of each series. there [E, P]: whether there is a row at a place among `timeline.rows`.
    """

    counts: NDArray[np.int64]
    there: NDArray[np.bool_]

    def of(self, values: NDArray[Any]) -> NDArray[Any]:
        """[R] of values for each place, [E, P]."""
        return np.asarray(values[self.there])


def lay_out(born: Places, timeline: Timeline) -> Rows:
    """The rows of series that were born in these periods."""
    begin = np.clip(born - timeline.spec.warm_up, 0, len(timeline.rows))
    there = np.arange(len(timeline.rows), dtype=np.int32) >= begin.astype(np.int32)[:, None]
    return Rows(len(timeline.rows) - begin, there)
