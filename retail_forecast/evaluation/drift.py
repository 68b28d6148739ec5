"""Drift: how far recent sales are from those that a model was trained on."""

from __future__ import annotations

import polars as pl

from retail_forecast.evaluation.hierarchy import SERIES

ALL_STORES = "all"
_LEAST_SHARE = 1e-4


def stability_index(trained: pl.LazyFrame, recent: pl.LazyFrame) -> pl.DataFrame:
    """One row per store and, last, one for "all": `psi`, `units_trained`, `units_recent` (per series and period).

    The population stability index is the sum over bins of (p - q) x ln(p / q), where p and q are the shares of the
    rows in the bin, lately and in training. Bins: below zero, none, and two per doubling of the units. Rows before
    the first sale of a series do not count.
    """
    tagged = pl.concat(
        [
            rows.select(*SERIES, "date", pl.col("units_sold").cast(pl.Float64), period=pl.lit(period))
            for period, rows in (("trained", trained), ("recent", recent))
        ]
    )
    releases = tagged.filter(pl.col("units_sold") > 0).group_by(SERIES).agg(release=pl.col("date").min())
    counted = (
        tagged.join(releases, on=SERIES)
        .filter(pl.col("date") >= pl.col("release"))
        .group_by("store_id", "period", bin=_bin(pl.col("units_sold")))
        .agg(rows=pl.len(), units=pl.col("units_sold").sum())
        .collect(engine="streaming")
    )
    return _summary(pl.concat([counted, counted.with_columns(store_id=pl.lit(ALL_STORES))]))


def _bin(units: pl.Expr) -> pl.Expr:
    doublings = (2 * units.log(2)).floor().cast(pl.Int32)
    return pl.when(units > 0).then(doublings).when(units == 0).then(-1000).otherwise(-2000)


def _summary(counted: pl.DataFrame) -> pl.DataFrame:
    bins = counted.group_by("store_id", "bin").agg(
        _of(column, period) for column in ("rows", "units") for period in ("trained", "recent")
    )
    shares = bins.with_columns(p=_share("rows_recent"), q=_share("rows_trained"))
    summed = shares.group_by("store_id").agg(
        psi=((pl.col("p") - pl.col("q")) * (pl.col("p") / pl.col("q")).log()).sum(),
        units_trained=pl.col("units_trained").sum() / pl.col("rows_trained").sum(),
        units_recent=pl.col("units_recent").sum() / pl.col("rows_recent").sum(),
    )
    return summed.sort(pl.col("store_id") == ALL_STORES, "store_id")


def _of(column: str, period: str) -> pl.Expr:
    return pl.col(column).filter(period=period).sum().alias(f"{column}_{period}")


def _share(rows: str) -> pl.Expr:
    return (pl.col(rows) / pl.col(rows).sum()).over("store_id").clip(_LEAST_SHARE)
