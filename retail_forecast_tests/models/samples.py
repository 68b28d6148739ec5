"""Samples of residuals for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from retail_forecast.models import Intervals, Sample, fit_intervals, intervals_to_json
from retail_forecast.models.bundle import SERIES_LEVEL, write_json


def sample_of(rows: pl.DataFrame, *, horizon: int) -> Sample:
    """Every row (lead, mean, units_sold, and spread if any) is a group of its own, known at that lead alone."""
    mean, units = np.full((2, 1, rows.height, horizon), np.nan)
    at = 0, np.arange(rows.height), rows["lead"].to_numpy() - 1
    mean[at] = rows["mean"].cast(pl.Float64).to_numpy()
    units[at] = rows["units_sold"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    spread = rows["spread"].to_numpy() if "spread" in rows.columns else np.zeros(rows.height)
    return Sample(tuple(f"g{row}" for row in range(rows.height)), mean, units, spread[None])


def intervals_of(
    rows: pl.DataFrame, *, horizon: int, quantiles: Sequence[float] = (), non_negative: bool = True
) -> Intervals:
    """The intervals that the rows give."""
    return fit_intervals(sample_of(rows, horizon=horizon), quantiles=quantiles, non_negative=non_negative)


def write_series_intervals(
    bundle: Path, rows: pl.DataFrame, *, horizon: int, quantiles: Sequence[float] = (), levels: Sequence[str] = ()
) -> None:
    """Intervals of the series, and the same for other levels, into a bundle."""
    made = intervals_of(rows, horizon=horizon, quantiles=quantiles)
    write_json(bundle / "intervals.json", intervals_to_json(dict.fromkeys((*levels, SERIES_LEVEL), made)))
