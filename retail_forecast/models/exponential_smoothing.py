"""Exponential smoothing with an additive season, for all series at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retail_forecast.models.matrix import SalesMatrix, build_matrix, known_mean

_SHORT_SEASON = (0.05, 0.05)  # a week of days: the level forgets in about 20 days, a weekday in 20 weeks
_LONG_SEASON = (0.2, 0.2)  # a year of weeks: few seasons are seen, each has to count
_LONGEST_SHORT_SEASON = 12


def exponential_smoothing(
    sales: pl.DataFrame, *, cutoff: date, future_dates: Sequence[date], season_length: int
) -> pl.DataFrame:
    """One row per series known at the cutoff and future date: the last level plus the season, never below the least.

    sales: store_id, item_id, date, units_sold; rows after `cutoff` are never looked at.
    future_dates: the periods that follow the cutoff, without a gap.
    The forecast stays at or above zero wherever all known sales do. With fewer than two seasons there is no season.
    """
    matrix = build_matrix(sales, cutoff=cutoff, period_days=(future_dates[0] - cutoff).days)
    season = season_length if matrix.units.shape[1] >= 2 * season_length else 1
    weights = _SHORT_SEASON if season_length <= _LONGEST_SHORT_SEASON else _LONG_SEASON
    mean = smooth(matrix.units, len(future_dates), season, *weights)
    return matrix.as_forecasts(np.maximum(mean, _least(matrix)[:, None]), future_dates)


def smooth(
    units: NDArray[np.float64], horizon: int, season: int, level_weight: float, season_weight: float
) -> NDArray[np.float64]:
    """[N, T] to [N, H]: ETS(A,N,A) in its error-correction form, which unknown periods (NaN) leave as it is.

    Source: Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 8.5:
    e = y - (l + s_m), l += alpha e, s += gamma e; the forecast of lead h is l + s of the same phase.
    """
    periods = units.shape[1]
    level, seasonal = _first_states(units, season)
    for period in range(periods):
        phase = period % season
        error = units[:, period] - level - seasonal[:, phase]
        error[np.isnan(error)] = 0.0
        level += level_weight * error
        if season > 1:
            seasonal[:, phase] += season_weight * error
    phases = [(periods + lead) % season for lead in range(horizon)]
    return level[:, None] + seasonal[:, phases]


def _first_states(units: NDArray[np.float64], season: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Level [N] and season [N, m] of the first two seasons of each series' life (the first periods, without season)."""
    known = ~np.isnan(units)
    born = np.where(known.any(axis=1), known.argmax(axis=1), 0)
    age = np.arange(units.shape[1])[None, :] - born[:, None]
    early = np.where(age < max(2 * season, 4), units, np.nan)
    level = known_mean(early)
    seasonal = np.zeros((len(units), season))
    for phase in range(season if season > 1 else 0):
        values = early[:, phase::season]
        seen = ~np.isnan(values).all(axis=1)
        seasonal[seen, phase] = known_mean(values[seen]) - level[seen]
    return level, seasonal


def _least(matrix: SalesMatrix) -> NDArray[np.float64]:
    return np.where((matrix.units < 0).any(axis=1), -np.inf, 0.0)
