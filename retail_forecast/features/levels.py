"""What the series of the same store, and of the same department or category in it, say together."""

from __future__ import annotations

import polars as pl

from retail_forecast.features.grid import as_known, rolling_mean, share
from retail_forecast.features.sales import season
from retail_forecast.features.spec import FeatureSpec
from retail_forecast.features.windows import SALES


def build_level(grid: pl.LazyFrame, level: str, spec: FeatureSpec) -> pl.LazyFrame:
    """One row per store, value of the level and period: means per series, of periods up to the rolling cutoff only.

    The grid is dense, so every group has every period and the windows need no grouping either.
    """
    keys = level_keys(level)
    relative = [pl.col(f"_{column}{part}").sum() for column in spec.relative for part in ("", "_known")]
    totals = grid.group_by(*keys, "period").agg(pl.col("_filled", "_known").sum(), pl.col("lead").first(), *relative)
    columns = {**_sales(level, spec), **_relative(level, spec)}
    return totals.sort(*keys, "period").select(*keys, "period", **columns)


def level_keys(level: str) -> list[str]:
    return ["store_id"] if level == "store" else ["store_id", level]


def _sales(level: str, spec: FeatureSpec) -> dict[str, pl.Expr]:
    w = spec.windows
    means = {f"{level}_{SALES}_mean_{n}": as_known(rolling_mean("_filled", "_known", n), spec) for n in w.level_means}
    means |= season("_filled", "_known", spec, level)
    if w.cycle > 1:
        means[f"{level}_{SALES}_same_weekday_mean_4"] = as_known(
            share(_phases("_filled", spec), _phases("_known", spec)), spec, w.phase_lag
        )
    return means


def _phases(column: str, spec: FeatureSpec) -> pl.Expr:
    shifted = [pl.col(column).shift(i * spec.windows.cycle) for i in range(4)]
    return pl.sum_horizontal(shifted, ignore_nulls=False)


def _relative(level: str, spec: FeatureSpec) -> dict[str, pl.Expr]:
    return {
        f"{level}_{column}_mean": as_known(share(pl.col(f"_{column}"), pl.col(f"_{column}_known")), spec)
        for column in spec.relative
    }
