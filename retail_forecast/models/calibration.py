"""The level of all forecasts together, set right by the backtest: growing sales are under-forecast again and again."""

from __future__ import annotations

import polars as pl

_LEAST_CUTOFFS = 2
_FURTHEST = 1.25


def fit_level(backtest: pl.DataFrame) -> float:
    """What means are to be multiplied with: units sold over units forecast, summed over the cutoffs.

    backtest: rows cutoff, mean, units_sold (units) that the model had not seen. The level stays (1.0) unless there are
    two cutoffs at least and all of them err in the same direction; it is moved by a quarter at most.
    """
    known = backtest.drop_nulls(["mean", "units_sold"])
    sums = known.group_by("cutoff").agg(pl.col("mean", "units_sold").cast(pl.Float64).sum()).sort("cutoff")
    if sums.height < _LEAST_CUTOFFS or (sums["mean"] <= 0).any() or (sums["units_sold"] <= 0).any():
        return 1.0
    ratios = sums["units_sold"] / sums["mean"]
    if not ((ratios > 1).all() or (ratios < 1).all()):
        return 1.0
    level: float = sums.select(pl.col("units_sold").sum() / pl.col("mean").sum()).item()
    return round(min(max(level, 1 / _FURTHEST), _FURTHEST), 6)
