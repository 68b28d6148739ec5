"""When: the periods that features look at, the rows among them, and the period that each row looks back to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, partial
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retail_forecast.features.spec import FeatureSpec

Places = NDArray[np.intp]


@dataclass(frozen=True)
class Views:
    """What rows look back to: `periods`, ascending and each once; row i looks to `periods[index[i]]`, or the ith."""

    periods: Places
    index: Places | None

    def spread(self, values: NDArray[Any]) -> NDArray[Any]:
        """What there is of each period, [E, U], for each row, [E, P]."""
        return values if self.index is None else np.take(values, self.index, axis=1)


@dataclass(frozen=True)
class Timeline:
    """`count` periods from `first` on, counted from zero. Rows may stand on `rows`, which begin after a warm-up."""

    spec: FeatureSpec
    first: date
    count: int
    cutoff: int
    rows: Places

    @cached_property
    def dates(self) -> pl.Series:
        """The date of each period."""
        days = np.datetime64(self.first, "D") + np.arange(self.count) * self.spec.period_days
        return pl.Series("date", days).cast(pl.Date)

    @cached_property
    def row_days(self) -> NDArray[np.int32]:
        """The date of each row in days since 1970."""
        return np.asarray(self.dates.gather(self.rows).to_physical())

    @cached_property
    def lead(self) -> Places:
        """How many periods each row lies after the last of the rolling cutoffs before it, 1 to H.

        Those are the cutoff and every horizon before it, so rows of the past are what a forecast had to go by then.
        """
        return (self.rows - self.cutoff - 1) % self.spec.horizon + 1

    @cached_property
    def cutoffs(self) -> Views:
        """The rolling cutoff before each row."""
        return self.look_back(int)

    @cached_property
    def weekdays(self) -> Views:
        """The last period known on the same day of the week."""
        return self.look_back(self.spec.windows.phase_lag)

    @cached_property
    def every(self) -> Views:
        """Each row by itself."""
        return Views(self.rows, None)

    @cached_property
    def around_year(self) -> dict[int, Views]:
        """The ends of the windows that are centred whole years before, by their lengths."""
        windows = self.spec.windows
        return {n: self.look_back(partial(windows.centred_lag, window=n)) for n in windows.around_year}

    @cached_property
    def year_ago(self) -> Views:
        """Where the rolling cutoff lay whole years before."""
        return self.look_back(self.spec.windows.year_ago_lag)

    def look_back(self, shift: Callable[[int], int]) -> Views:
        """To so many periods before each row as `shift` says for its lead."""
        by_lead = np.array([0, *(shift(lead) for lead in range(1, self.spec.horizon + 1))])
        periods, index = np.unique(self.rows - by_lead[self.lead], return_inverse=True)
        return Views(periods, None if np.array_equal(index, np.arange(len(periods))) else index)

    def place_of(self, dates: pl.Series, *, later: bool = False) -> Places:
        """The period of each date, whether there is one or not. later: the first that does not lie before it."""
        days = dates.cast(pl.Date).to_physical().to_numpy() - (self.first - date(1970, 1, 1)).days
        length = self.spec.period_days
        if length == 1:
            return days
        return -(-days // length) if later else np.where(days % length == 0, days // length, -1)


def build_timeline(spec: FeatureSpec, *, cutoff: date, start: date, end: date | None = None) -> Timeline:
    """Rows from `start` to `end`, or to the end of the horizon; periods from a warm-up before them."""
    last, length = spec.shift(cutoff, spec.horizon), spec.period_days
    count = spec.warm_up + max(0, (last - start).days // length + 1)
    first = last - timedelta(days=(count - 1) * length)
    stop = count if end is None else min(count, (end - first).days // length + 1)
    return Timeline(spec, first, count, count - 1 - spec.horizon, np.arange(spec.warm_up, stop))


def at_periods(values: NDArray[Any], periods: Places) -> NDArray[Any]:
    """[..., T] to [..., U]; without a copy where the periods, which ascend, are evenly spaced."""
    if len(periods) < 2:
        return values[..., periods]
    first, last, step = int(periods[0]), int(periods[-1]), int(periods[1] - periods[0])
    if last - first == step * (len(periods) - 1) and (step == 1 or (np.diff(periods) == step).all()):
        return values[..., first : last + 1 : step]
    return values[..., periods]
