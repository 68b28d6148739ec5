"""Exponential smoothing with an additive season, for all series at once: a feature, and a baseline."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retail_forecast.features.spec import FeatureSpec
from retail_forecast.features.windows import SMOOTHED

_SHORT_SEASON = (0.05, 0.05)  # a week of days: the level forgets in about 20 days, a weekday in 20 weeks
_LONG_SEASON = (0.2, 0.2)  # a year of weeks: few seasons are seen, each has to count
_LONGEST_SHORT_SEASON = 12


def add_smoothing(grid: pl.LazyFrame, spec: FeatureSpec) -> pl.LazyFrame:
    """The grid with the smoothing forecast of each row from its rolling cutoff; null without a whole window."""

    def forecasts(columns: Sequence[pl.Series]) -> pl.Series:
        units, period, lead = (column.to_numpy() for column in columns)
        if not len(units):
            return pl.Series([], dtype=pl.Float32)
        periods = int(period.max()) + 1
        matrix = units.astype(np.float64).reshape(-1, periods)
        return pl.Series(_from_each_cutoff(matrix, lead[:periods], spec).ravel())

    columns = [pl.col("_units"), pl.col("period"), pl.col("lead")]
    smoothed = pl.map_batches(columns, forecasts, return_dtype=pl.Float32)
    return grid.with_columns(smoothed.fill_nan(None).alias(SMOOTHED))


def smoothing_forecast(units: NDArray[np.float64], horizon: int, season_length: int) -> NDArray[np.float64]:
    """[N, T] to [N, H]: `smooth` as suits the season; with fewer than two seasons of periods there is none."""
    season = season_length if units.shape[1] >= 2 * season_length else 1
    weights = _SHORT_SEASON if season_length <= _LONGEST_SHORT_SEASON else _LONG_SEASON
    return smooth(units, horizon, season, *weights)


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


def known_mean(units: NDArray[np.float64]) -> NDArray[np.float64]:
    """[N, T] to [N]: each row's mean over what is known, zero where nothing is."""
    known = ~np.isnan(units)
    return np.asarray(np.where(known, units, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1))


def _from_each_cutoff(units: NDArray[np.float64], lead: NDArray[np.int32], spec: FeatureSpec) -> NDArray[np.float32]:
    """[N, T] to [N, T]. Every cutoff sees a window of the same length, wherever `units` begins."""
    window, periods = spec.windows.smoothing, units.shape[1]
    forecasts = np.full(units.shape, np.nan, dtype=np.float32)
    for first in np.flatnonzero(lead == 1):
        if first >= window:
            last = min(first + spec.horizon, periods)
            known = units[:, first - window : first]
            forecasts[:, first:last] = smoothing_forecast(known, last - first, spec.season_length)
    return forecasts


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
