"""What was sold as a matrix of periods and series: every feature of sales is read off it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retail_forecast.features.lookup import Lookup
from retail_forecast.features.sums import Feature, Numbers, Totals, round_exactly
from retail_forecast.features.timeline import Places, Timeline


@dataclass(frozen=True)
class Units:
    """Of series E in periods T. born [E]: the period of the first sale, below zero if it lies before the first period.

    sold [T, E]: units as they were delivered, NaN where nothing is known. filled: in exact steps, zero there.
    """

    sold: Feature
    filled: Numbers
    known: NDArray[np.bool_]
    born: Places
    cycle: int

    @cached_property
    def totals(self) -> Totals:
        return Totals(self.filled, self.known, self.cycle)

    def block(self, start: int, stop: int) -> Units:
        """Some of the series, contiguous in memory."""
        sold, filled = np.ascontiguousarray(self.sold[:, start:stop]), np.ascontiguousarray(self.filled[:, start:stop])
        return Units(sold, filled, np.ascontiguousarray(self.known[:, start:stop]), self.born[start:stop], self.cycle)


def read_units(sales: Lookup, releases: pl.Series, timeline: Timeline) -> Units:
    """The sales of series with these first sales. Nothing is known of the time before them and after the cutoff."""
    spec, sold = timeline.spec, sales.matrix("units_sold")[:, sales.entity]
    if spec.missing_periods == "zero":
        np.nan_to_num(sold, copy=False, nan=0.0)
    born = timeline.place_of(releases, later=True)
    sold[np.arange(timeline.count)[:, None] < born] = np.nan
    sold[timeline.cutoff + 1 :] = np.nan
    known = ~np.isnan(sold)
    filled = round_exactly(sold)
    np.copyto(filled, 0.0, where=~known)
    return Units(sold.astype(np.float32, copy=False), filled, known, born, spec.windows.cycle)
