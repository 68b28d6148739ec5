"""Periods without a sale that the series' own rate does not explain: more likely an empty shelf than no demand.

A run of zeros is a stock-out as soon as its probability falls below one in ten thousand, with the share of zeros in the
eight weeks before the run as the probability of one (drawn to a Poisson's of the same mean, so that a fast seller
without any zero does not count as impossible to run dry). Only periods in which the store sells at least a quarter of
its usual count. After four weeks the run is taken for the end of the item, and its zeros are zeros again.

Whether a period is a stock-out depends on that period and those before it alone: the first periods of a run, which were
still credible, do not become one later on. Stock-outs are reported; no feature uses them (docs/accuracy.md).
"""

from __future__ import annotations

import math

import polars as pl

from retail_forecast.features.grid import rolling_mean
from retail_forecast.features.spec import FeatureSpec

STOCK_OUT = "stock_out"
_CREDIBLE = 1e-4
_PRIOR_PERIODS = 2.0
_OPEN_SHARE = 0.25
LOOK_BACK = {"1d": 56, "1w": 26}
_LONGEST = {"1d": 28, "1w": 4}


def add_stock_outs(grid: pl.LazyFrame, spec: FeatureSpec) -> pl.LazyFrame:
    """The grid and `stock_out`: whether nothing was sold though the series' rate and its store say otherwise."""
    look_back = LOOK_BACK[spec.frequency]
    grid = grid.join(_open_periods(grid, look_back), on=["store_id", "period"], how="left", maintain_order="left")
    sold, row = pl.col("_units") > 0, pl.col("period").cast(pl.Int64)
    zero = (pl.col("_units") == 0).cast(pl.Float64).fill_null(0.0)
    known = pl.col("_known").rolling_sum(look_back)
    mean = pl.col("_filled").rolling_sum(look_back) / known
    prior = _PRIOR_PERIODS * (-mean).exp()
    one_zero = ((zero.rolling_sum(look_back) + prior) / (known + _PRIOR_PERIODS)).clip(1e-12, 1.0)
    grid = grid.with_columns(
        _open_so_far=pl.col("_open").cast(pl.Int64).cum_sum(),
        _log_zero=pl.when(sold & (row >= look_back)).then(one_zero.log()).otherwise(pl.when(sold).then(0.0)),
    )
    last = [pl.when(sold).then(pl.col(name)).forward_fill() for name in ("_open_so_far", "_log_zero")]
    run = pl.col("_open_so_far") - last[0]
    own = row > (row - pl.when(sold).then(row).forward_fill()).abs()
    incredible = run * last[1] <= math.log(_CREDIBLE)
    empty = (pl.col("_units") == 0) & pl.col("_open") & own & incredible & (run <= _LONGEST[spec.frequency])
    return grid.with_columns(empty.fill_null(False).alias(STOCK_OUT)).drop("_open", "_open_so_far", "_log_zero")


def _open_periods(grid: pl.LazyFrame, look_back: int) -> pl.LazyFrame:
    """One row per store and period: `_open`, whether the store sells at least a quarter of its usual."""
    totals = grid.group_by("store_id", "period").agg(pl.col("_filled", "_known").sum()).sort("store_id", "period")
    usual = rolling_mean("_filled", "_known", look_back)
    per_series = pl.col("_filled") / pl.col("_known")
    return totals.select("store_id", "period", _open=(per_series >= _OPEN_SHARE * usual).fill_null(False))
