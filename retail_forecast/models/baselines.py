"""What every model has to beat, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Protocol

import polars as pl

from retail_forecast.models.exponential_smoothing import exponential_smoothing
from retail_forecast.models.seasonal_naive import seasonal_naive


class Baseline(Protocol):
    """A forecast from past sales alone."""

    def __call__(
        self, sales: pl.DataFrame, *, cutoff: date, future_dates: Sequence[date], season_length: int
    ) -> pl.DataFrame:
        """One row per series known at the cutoff and future date: store_id, item_id, date, mean (units)."""


BASELINES: Mapping[str, Baseline] = {
    "seasonal_naive": seasonal_naive,
    "exponential_smoothing": exponential_smoothing,
}
