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
    complete: whether everything is known from the first sale to the cutoff.
    """

    sold: Feature
    filled: Numbers
    known: NDArray[np.bool_]
    born: Places
    cycle: int
    complete: bool

    @cached_property
    def totals(self) -> Totals:
        return Totals(self.filled, self.known, self.cycle, born=self.born if self.complete else None)


def read_units(delivered: NDArray[Any], born: Places, timeline: Timeline) -> Units:
    """The sales of series, [E, T]. Nothing is known of the time before their birth and after the cutoff."""
    spec, period = timeline.spec, np.arange(timeline.count, dtype=np.int32)
    known = period >= born[:, None].astype(np.int32)
    known[:, timeline.cutoff + 1 :] = False
    gaps = np.isnan(delivered)
    complete = spec.missing_periods == "zero" or not (gaps & known).any()
    unknown = ~known | gaps
    if not complete:
        known &= ~gaps
    filled = delivered.copy()
    np.copyto(filled, 0.0, where=unknown)
    sold = filled.astype(np.float32)
    np.copyto(sold, np.nan, where=~known)
    return Units(sold, round_exactly(filled), known, born, spec.windows.cycle, complete)
