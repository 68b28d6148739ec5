"""From what rows look back to, to the rows: one float column per feature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retail_forecast.features.sums import Feature
from retail_forecast.features.timeline import Places, Timeline


@dataclass(frozen=True)
class Column:
    """A feature of E entities: the row at place i has `compute()[index[i]]`, of [U, E]; NaN where it is unknown.

    What many rows look back to is worked out once, and not at all before it is asked for.
    """

    name: str
    index: Places
    compute: Callable[[], Feature]


@dataclass(frozen=True)
class Rows:
    """The rows, by series and period; a series has rows from its first sale on.

    series [R]; place [R]: which of `timeline.rows`; ends [N + 1]: the number of rows before each series.
    """

    series: NDArray[np.int32]
    place: NDArray[np.int32]
    ends: NDArray[np.int64]

    def between(self, start: int, stop: int) -> slice:
        """The rows of some of the series."""
        return slice(self.ends[start], self.ends[stop])


def lay_out(born: Places, timeline: Timeline) -> Rows:
    """The rows of series that were born in these periods."""
    begin = np.clip(born - timeline.spec.warm_up, 0, len(timeline.rows))
    counts = len(timeline.rows) - begin
    ends = np.concatenate([[0], np.cumsum(counts)])
    series = np.repeat(np.arange(len(born), dtype=np.int32), counts)
    place = np.arange(ends[-1], dtype=np.int32)
    place -= np.repeat((ends[:-1] - begin).astype(np.int32), counts)
    return Rows(series, place, ends)


class Writer:
    """Writes features into the rows `part` of their columns. entity [N]: the column of a feature's values for a series.

    Where each row finds its value is the same for all features that look back alike, and kept.
    """

    def __init__(self, rows: Rows, part: slice, entity: NDArray[np.integer]) -> None:
        self._part, self._place = part, rows.place[part]
        self._entity = entity[rows.series[part]]
        self._found: dict[int, tuple[Places, Places]] = {}

    def write(self, index: Places, values: Feature, target: Feature) -> None:
        """target: one value per row of the whole frame."""
        places = self._places(index, values.shape[1])
        np.take(values.ravel(), places, out=target[self._part], mode="clip")  # "raise" would write to a buffer first

    def _places(self, index: Places, width: int) -> Places:
        if id(index) not in self._found:
            self._found[id(index)] = index, index[self._place] * width + self._entity
        return self._found[id(index)][1]
