"""What was sold as a matrix of series and periods: every feature of sales is read off it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retail_forecast.features.sums import Feature, Numbers, Totals, round_exactly
from retail_forecast.features.timeline import Places, Timeline


@dataclass(frozen=True)
class Units:
    """Of series E in periods T. born [E]: the period of the first sale, below zero if it lies before the first period.

    sold [E, T]: units as they were delivered, NaN where nothing is known. filled: in exact steps, zero there.
    """

    sold: Feature
    filled: Numbers
    known: NDArray[np.bool_]
    born: Places
    cycle: int

    @cached_property
    def totals(self) -> Totals:
        return Totals(self.filled, self.known, self.cycle)


def read_units(delivered: NDArray[Any], born: Places, timeline: Timeline) -> Units:
    """The sales of series, [E, T]. Nothing is known of the time before their birth and after the cutoff."""
    spec, sold = timeline.spec, delivered.copy()
    if spec.missing_periods == "zero":
        np.copyto(sold, 0.0, where=np.isnan(sold))
    np.copyto(sold, np.nan, where=np.arange(timeline.count, dtype=np.int32) < born[:, None].astype(np.int32))
    sold[:, timeline.cutoff + 1 :] = np.nan
    known = ~np.isnan(sold)
    filled = round_exactly(np.where(known, sold, sold.dtype.type(0)))
    return Units(sold.astype(np.float32, copy=False), filled, known, born, spec.windows.cycle)
