"""What a series' own sales say about a period, as of the rolling cutoff before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from retail_forecast.features.columns import Column
from retail_forecast.features.sums import Feature, Lifetimes, Numbers, RunningSums, Totals, share
from retail_forecast.features.timeline import Places, Timeline, at_periods
from retail_forecast.features.units import Units
from retail_forecast.features.windows import EWM_TERMS, SALES


def sales_columns(units: Units, timeline: Timeline) -> Iterator[Column]:
    """Lags, windows, recency and age of each series."""
    w, totals = timeline.spec.windows, units.totals
    cutoffs, weekdays = timeline.cutoffs, timeline.weekdays
    for view, lags in ((cutoffs, w.last), (weekdays, w.same_weekday)):
        for name, back in lags.items():
            yield Column(name, view, partial(at_periods, units.sold, view.periods - back))
    at = cutoffs.periods
    for n in w.means:
        yield Column(f"{SALES}_mean_{n}", cutoffs, partial(totals.mean, at, n))
    for n in w.stds:
        yield Column(f"{SALES}_std_{n}", cutoffs, partial(totals.deviation, at, n))
    for name, n in w.zero_shares().items():
        yield Column(name, cutoffs, partial(totals.zero_share, at, n))
    for n in w.phase_counts:
        yield Column(f"{SALES}_same_weekday_mean_{n}", weekdays, partial(totals.phase_mean, weekdays.periods, n))
    for life in w.half_lives:
        yield Column(f"{SALES}_ewm_{life}", cutoffs, partial(_ewm, totals, at, w.cycle, life))
    for n, view in timeline.around_year.items():
        yield Column(f"{SALES}_mean_{n}_years_before", view, partial(totals.mean, view.periods, n))
    yield from season_columns(lambda: totals, timeline)
    yield Column("periods_since_sale", cutoffs, partial(_since_sale, units, at, w.long))
    yield Column("periods_since_release", cutoffs, partial(_since_release, units, at))


def season_columns(totals: Callable[[], Totals], timeline: Timeline, level: str = "") -> Iterator[Column]:
    """Sales around the same days whole years before, over those of the weeks before the cutoff's day back then."""
    for name, n in timeline.spec.windows.season_names(level).items():
        yield Column(name, timeline.every, partial(_season, totals, timeline, n))


def _season(totals: Callable[[], Totals], timeline: Timeline, window: int) -> Feature:
    around, back_then = timeline.around_year[window], timeline.year_ago
    mean = around.spread(totals().mean(around.periods, window))
    before = back_then.spread(totals().mean(back_then.periods, timeline.spec.windows.level))
    made: Feature = np.divide(mean, before, out=np.full_like(mean, np.nan), where=before > 0)
    return made


def _since_sale(units: Units, cutoffs: Places, cap: int) -> Feature:
    """Periods since the last sale, capped; NaN before the first."""
    period = np.arange(units.filled.shape[1], dtype=np.int32)
    last = np.maximum.accumulate(np.where(units.filled > 0, period, np.int32(-cap)), axis=1)
    since = np.minimum(cutoffs - at_periods(last, cutoffs), cap)
    return np.where(cutoffs >= units.born[:, None], since, np.nan).astype(np.float32)


def _since_release(units: Units, cutoffs: Places) -> Feature:
    age = cutoffs - units.born[:, None]
    return np.where(age >= 0, age, np.nan).astype(np.float32)


def _ewm(totals: Totals, cutoffs: Places, cycle: int, half_life: int) -> Feature:
    """Exponentially weighted mean of the last 32 cycles: weight 0.5^(age / half-life), age counted in whole cycles."""
    decay = 0.5 ** (cycle / half_life)
    return share(*(_weighted(sums, cutoffs, cycle, decay) for sums in (totals.filled, totals.known)))


def _weighted(sums: RunningSums | Lifetimes, periods: Places, cycle: int, decay: float) -> Numbers:
    """The sum of wʲ·shift(j) over 2ᵏ terms as the product of the k factors (1 + w^(2ⁱ)·shift(2ⁱ)).

    Each factor halves the periods at which the sum has to be known, down to those that are asked for.
    """
    step, needed = EWM_TERMS // 2, [periods]
    while step:
        needed.append(np.union1d(needed[-1], needed[-1] - step * cycle))
        step //= 2
    step, total = 1, sums.ending(needed[-1], cycle).astype(np.float64)
    for have, want in zip(needed[:0:-1], needed[-2::-1], strict=True):
        now, before = (np.searchsorted(have, want - back) for back in (0, step * cycle))
        total = at_periods(total, now) + at_periods(total, before) * decay**step
        step *= 2
    return total
