"""Item forecasts are moved so that their sums agree with the forecasts of groups, which see more than items can.

Items keep their shares of a group's day. The weight says how far to go: 0 leaves the sums as they are, 1 makes them
the group's forecast, between them lies the geometric mean.
Source: top-down disaggregation by forecast proportions, Hyndman and Athanasopoulos, Forecasting: Principles and
Practice, 3rd ed., section 11.3.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

WEIGHTS = (1.0, 0.75, 0.5, 0.25, 0.0)
_FURTHEST = 4.0
_DAY = ["store_id", "group", "date"]


def alignment_factors(forecasts: pl.DataFrame, groups: pl.DataFrame, *, weight: float) -> pl.Series:
    """What each row's mean is to be multiplied with, in the rows' order: the same for all items of a group's day.

    forecasts: store_id, group, date, mean (units of one series). groups: store_id, group, date, mean (units of the
    group). A day whose group is not forecast, or of which nothing is expected, stays as it is.
    """
    if forecasts.is_empty() or weight == 0:
        return pl.repeat(1.0, forecasts.height, dtype=pl.Float32, eager=True).alias("alignment")
    sums = pl.col("mean").cast(pl.Float64).sum().over(_DAY)
    wanted = groups.select(*_DAY, _wanted=pl.col("mean").cast(pl.Float64))
    rows = forecasts.with_columns(_sum=sums).join(wanted, on=_DAY, how="left", maintain_order="left")
    return rows.select(alignment=_factor(weight).cast(pl.Float32))["alignment"]


def fit_alignment(backtest: pl.DataFrame) -> float:
    """The weight with which the backtest's sums come nearest to what was sold: by group, by store and in all.

    backtest: rows cutoff, store_id, group, date, mean, group_mean, units_sold, that no model had seen.
    """
    days = _sums(backtest)
    if days.is_empty():
        return 0.0
    return min(WEIGHTS, key=lambda weight: round(_error(days, weight), 9))


def _sums(backtest: pl.DataFrame) -> pl.DataFrame:
    """One row per cutoff and group's day: units sold, the sum of the forecasts behind them, and that of all."""
    known = pl.col("units_sold").is_not_null()
    units = pl.col("units_sold", "mean").cast(pl.Float64)
    rows = backtest.group_by("cutoff", *_DAY).agg(
        units.filter(known).sum(), _sum=pl.col("mean").cast(pl.Float64).sum(), _wanted=pl.col("group_mean").first()
    )
    return rows.sort("cutoff", *_DAY)


def _error(days: pl.DataFrame, weight: float) -> float:
    """Root mean squared errors over units sold, averaged over cutoffs and the levels group, store and total."""
    moved = days.with_columns(mean=pl.col("mean") * _factor(weight))
    levels: Sequence[list[str]] = (["store_id", "group"], ["store_id"], [])
    return sum(_relative_error(moved, level) for level in levels)


def _relative_error(days: pl.DataFrame, level: list[str]) -> float:
    sums = days.group_by("cutoff", "date", *level).agg(pl.col("mean", "units_sold").sum())
    error = (pl.col("mean") - pl.col("units_sold")) ** 2
    series = sums.group_by("cutoff", *level).agg(error=error.mean().sqrt(), units=pl.col("units_sold").mean())
    by_cutoff = series.group_by("cutoff").agg(pl.col("error", "units").sum()).filter(pl.col("units") > 0)
    return float(by_cutoff.sort("cutoff").select((pl.col("error") / pl.col("units")).mean()).item() or 0.0)


def _factor(weight: float) -> pl.Expr:
    ratio = (pl.col("_wanted") / pl.col("_sum")).clip(1 / _FURTHEST, _FURTHEST)
    return pl.when((pl.col("_sum") > 0) & (pl.col("_wanted") > 0)).then(ratio.pow(weight)).otherwise(1.0).fill_null(1.0)
