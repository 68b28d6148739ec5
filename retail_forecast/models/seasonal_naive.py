"""The last season, repeated: the least that a forecast has to beat."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from retail_forecast.features.smoothing import known_mean
from retail_forecast.models.matrix import build_matrix


def seasonal_naive(
    sales: pl.DataFrame, *, cutoff: date, future_dates: Sequence[date], season_length: int
) -> pl.DataFrame:
    """One row per series known at the cutoff and future date: what was sold one or more whole seasons earlier.

    sales: store_id, item_id, date, units_sold; rows after `cutoff` are never looked at.
    future_dates: the periods that follow the cutoff, without a gap.
    Where that period is unknown (a new item, a hole), the mean of the series stands in.
    """
    matrix = build_matrix(sales, cutoff=cutoff, period_days=(future_dates[0] - cutoff).days)
    count, periods = matrix.units.shape
    season = np.full((count, season_length), np.nan)
    length = min(season_length, periods)
    season[:, season_length - length :] = matrix.units[:, periods - length :]
    season = np.where(np.isnan(season), known_mean(matrix.units)[:, None], season)
    repeats = -(-len(future_dates) // season_length)
    return matrix.as_forecasts(np.tile(season, repeats)[:, : len(future_dates)], future_dates)
