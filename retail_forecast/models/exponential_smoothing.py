"""Exponential smoothing with an additive season, for all series at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retail_forecast.features.smoothing import smoothing_forecast
from retail_forecast.models.matrix import SalesMatrix, build_matrix


def exponential_smoothing(
    sales: pl.DataFrame, *, cutoff: date, future_dates: Sequence[date], season_length: int
) -> pl.DataFrame:
    """One row per series known at the cutoff and future date: the last level plus the season, never below the least.

    sales: store_id, item_id, date, units_sold; rows after `cutoff` are never looked at.
    future_dates: the periods that follow the cutoff, without a gap.
    The forecast stays at or above zero wherever all known sales do. With fewer than two seasons there is no season.
    """
    matrix = build_matrix(sales, cutoff=cutoff, period_days=(future_dates[0] - cutoff).days)
    mean = smoothing_forecast(matrix.units, len(future_dates), season_length)
    return matrix.as_forecasts(np.maximum(mean, _least(matrix)[:, None]), future_dates)


def _least(matrix: SalesMatrix) -> NDArray[np.float64]:
    return np.where((matrix.units < 0).any(axis=1), -np.inf, 0.0)
