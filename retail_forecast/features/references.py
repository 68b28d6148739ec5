"""The level of a relative covariate (a price) as it stood at the rolling cutoff: the denominators of its ratios."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from retail_forecast.features.columns import Column
from retail_forecast.features.levels import Groups
from retail_forecast.features.lookup import Lookup
from retail_forecast.features.spec import reference_names
from retail_forecast.features.sums import Feature, RunningSums, round_exactly, share
from retail_forecast.features.timeline import Places, Timeline, at_periods


def reference_columns(values: Feature, name: str, timeline: Timeline) -> Iterator[Column]:
    """Of each series' own values [E, T]: the last one, the mean of the long window and the highest of the year."""
    last, mean, highest, *_ = reference_names(name, timeline.spec)
    w, cutoffs = timeline.spec.windows, timeline.cutoffs
    yield Column(last, cutoffs, partial(at_periods, values, cutoffs.periods))
    yield Column(mean, cutoffs, partial(_mean, values, cutoffs.periods, w.long))
    yield Column(highest, cutoffs, partial(_highest, values, cutoffs.periods, w.year))


def level_reference(values: Feature, name: str, born: Places, groups: Groups, timeline: Timeline) -> Column:
    """The mean of the released series of each group at the cutoff. values: [N, T]."""
    cutoffs = timeline.cutoffs

    def mean() -> Feature:
        known = np.where(cutoffs.periods >= born[:, None], at_periods(values, cutoffs.periods), np.nan)
        exact = round_exactly(known)
        return share(groups.sum(np.nan_to_num(exact)), groups.sum(~np.isnan(exact)))

    return Column(f"{groups.level}_{name}_mean", cutoffs, mean)


def past_column(lookup: Lookup, name: str, timeline: Timeline) -> Column:
    """A number that is not known ahead, as of the rolling cutoff; one per entity of the table."""
    cutoffs = timeline.cutoffs

    def last() -> Feature:
        return at_periods(lookup.matrix(name), cutoffs.periods).astype(np.float32)

    return Column(f"{name}_last", cutoffs, last)


def _mean(values: Feature, periods: Places, length: int) -> Feature:
    exact = round_exactly(values)
    known = ~np.isnan(exact)
    sums = (RunningSums(part).ending(periods, length) for part in (np.where(known, exact, 0.0), known))
    return share(*sums)


def _highest(values: Feature, periods: Places, length: int) -> Feature:
    """The highest known value of the last `length`; windows double until two of them cover it."""
    highest, reach = np.where(np.isnan(values), np.float32(-np.inf), values), 1
    while 2 * reach <= length:
        highest[:, reach:] = np.maximum(highest[:, reach:], highest[:, :-reach])
        reach *= 2
    found = np.maximum(at_periods(highest, periods), at_periods(highest, periods - (length - reach)))
    return np.where(np.isneginf(found), np.float32(np.nan), found)
