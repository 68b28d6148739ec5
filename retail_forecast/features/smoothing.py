"""Exponential smoothing with an additive season, for all series at once: a feature, and a baseline."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from retail_forecast.features.columns import Column
from retail_forecast.features.sums import Feature
from retail_forecast.features.timeline import Timeline, Views, at_periods
from retail_forecast.features.units import Units
from retail_forecast.features.windows import SMOOTHED

_SHORT_SEASON = (0.05, 0.05)  # a week of days: the level forgets in about 20 days, a weekday in 20 weeks
_LONG_SEASON = (0.2, 0.2)  # a year of weeks: few seasons are seen, each has to count
_LONGEST_SHORT_SEASON = 12


def smoothing_column(units: Units, timeline: Timeline) -> Column:
    """The smoothing forecast of each row from its rolling cutoff, which sees a window of the same length each time."""
    spec, cutoffs = timeline.spec, timeline.cutoffs.periods
    last = np.searchsorted(cutoffs, timeline.rows - timeline.lead)

    def forecasts() -> Feature:
        exact = np.where(units.known, units.filled, np.nan).T.astype(np.float64, order="C")  # period by period
        windows = sliding_window_view(exact, spec.windows.smoothing, axis=0).transpose(1, 2, 0)  # [E, W, T], no copy
        known = at_periods(windows, cutoffs + 1 - spec.windows.smoothing)
        made = smoothing_forecast(known.transpose(2, 0, 1), spec.horizon, spec.season_length)
        return made.transpose(1, 0, 2).reshape(made.shape[1], len(cutoffs) * spec.horizon).astype(np.float32)

    return Column(SMOOTHED, Views(timeline.rows, last * spec.horizon + timeline.lead - 1), forecasts)


def smoothing_forecast(units: NDArray[np.float64], horizon: int, season_length: int) -> NDArray[np.float64]:
    """[..., T] to [..., H]: `smooth` as suits the season; with fewer than two seasons of periods there is none."""
    season = season_length if units.shape[-1] >= 2 * season_length else 1
    weights = _SHORT_SEASON if season_length <= _LONGEST_SHORT_SEASON else _LONG_SEASON
    return smooth(units, horizon, season, *weights)


def smooth(
    units: NDArray[np.float64], horizon: int, season: int, level_weight: float, season_weight: float
) -> NDArray[np.float64]:
    """[..., T] to [..., H]: ETS(A,N,A) in its error-correction form, which unknown periods (NaN) leave as it is.

    Source: Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 8.5:
    e = y - (l + s_m), l += alpha e, s += gamma e; the forecast of lead h is l + s of the same phase.
    """
    periods = np.moveaxis(units, -1, 0)
    level, seasonal = _first_states(periods, season)
    for period, sold in enumerate(periods):
        error = sold - level
        error -= seasonal[period % season]
        np.copyto(error, 0.0, where=np.isnan(error))
        level += level_weight * error
        if season > 1:
            seasonal[period % season] += season_weight * error
    phases = [(len(periods) + lead) % season for lead in range(horizon)]
    return np.moveaxis(level + seasonal[phases], 0, -1)


def known_mean(units: NDArray[np.float64]) -> NDArray[np.float64]:
    """[N, T] to [N]: each row's mean over what is known, zero where nothing is."""
    known = ~np.isnan(units)
    return np.asarray(np.where(known, units, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1))


def _first_states(units: NDArray[np.float64], season: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[T, ...] to the level [...] and season [m, ...] of the first two seasons of each life (four periods at least)."""
    born = (~np.isnan(units)).argmax(axis=0)
    total, count = np.zeros((2, season, *born.shape))
    for age in range(max(2 * season, 4)):
        period = (born + age)[None]
        sold = np.take_along_axis(units, np.minimum(period, len(units) - 1), axis=0)
        known = ~np.isnan(sold) & (period < len(units))
        _add_at(total, period % season, np.where(known, sold, 0.0))
        _add_at(count, period % season, known)
    level = total.sum(axis=0) / np.maximum(count.sum(axis=0), 1)
    seasonal = np.where(count > 0, total / np.maximum(count, 1) - level, 0.0)
    return level, seasonal if season > 1 else np.zeros_like(seasonal)


def _add_at(sums: NDArray[np.float64], phase: NDArray[np.intp], values: NDArray[Any]) -> None:
    np.put_along_axis(sums, phase, np.take_along_axis(sums, phase, axis=0) + values, axis=0)
