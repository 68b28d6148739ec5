"""What the series of the same store, and of the same department or category in it, say together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retail_forecast.features.columns import Column
from retail_forecast.features.sales import season_columns
from retail_forecast.features.sums import Feature, Numbers, Totals
from retail_forecast.features.timeline import Timeline
from retail_forecast.features.units import Units
from retail_forecast.features.windows import SALES


@dataclass(frozen=True)
class Groups:
    """The series of a level: of [N] which group each belongs to."""

    level: str
    of_series: NDArray[np.int32]

    def sum(self, values: NDArray[Any]) -> Numbers:
        """[N, T] to [G, T]."""
        order = np.argsort(self.of_series, kind="stable")
        firsts = np.flatnonzero(np.diff(self.of_series[order], prepend=-1))
        return np.add.reduceat(values[order], firsts, axis=0, dtype=np.float64)


def group_series(series: pl.DataFrame, level: str) -> Groups:
    """A group is a store, or a value of an attribute in it (one of them: none)."""
    keys = ["store_id"] if level == "store" else ["store_id", level]
    place = series.select(pl.struct(keys).rank("dense") - 1)
    return Groups(level, place.to_series().cast(pl.Int32).to_numpy())


def level_columns(units: Callable[[], Units], groups: Groups, timeline: Timeline) -> Iterator[Column]:
    """Means per series of each group, of periods up to the rolling cutoff only. units: of all series."""
    w, level, cutoffs = timeline.spec.windows, groups.level, timeline.cutoffs

    @cache
    def totals() -> Totals:
        return Totals(groups.sum(units().filled), groups.sum(units().known), w.cycle)

    def mean(window: int) -> Feature:
        return totals().mean(cutoffs.periods, window)

    for n in w.level_means:
        yield Column(f"{level}_{SALES}_mean_{n}", cutoffs, partial(mean, n))
    yield from season_columns(totals, timeline, level)
    if w.cycle > 1:
        weekdays = timeline.weekdays
        name = f"{level}_{SALES}_same_weekday_mean_4"
        yield Column(name, weekdays, lambda: totals().phase_mean(weekdays.periods, 4))
