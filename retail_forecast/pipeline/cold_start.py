"""New items: which series get a forecast though little or nothing of them was sold, and from what.

A series that is listed (it has a row of known-future values of its own, such as a price) no longer than some periods
before the cutoff or within the horizon, and never sold, is forecast from its first listed period on. The model answers
from what it knows without the series' own sales: its store's and department's sales, its price, the calendar. It has
learned from the first periods of earlier items, when just as little was known of them.

A series that was listed longer ago and still sold nothing is not forecast: it is a listing, not an item for sale. Nor
is one in a store without any sales.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from retail_forecast.dataset import SERIES, Dataset
from retail_forecast.features import FeatureSpec, feature_names
from retail_forecast.lake.tables import Lake

HISTORY, COLD_START = "history", "cold_start"
_NEW_PERIODS = {"1d": 28, "1w": 8}
_OWN = ("units_sold_", "periods_since_sale", "periods_since_release")
_SCHEMA = {"store_id": pl.String, "item_id": pl.String, "listed": pl.Date}


def read_new_series(lake: Lake, dataset: Dataset, releases: pl.DataFrame, *, cutoff: date) -> pl.DataFrame:
    """One row per series that is listed but never sold: store_id, item_id, `listed` (its first listed period); sorted.

    releases: one row per series sold by the cutoff.
    """
    tables = [name for name, table in dataset.covariates() if table.known_future and {*SERIES} <= {*table.keys}]
    listings = [rows.select(*SERIES, "date") for name in tables if (rows := lake.table(name).scan()) is not None]
    if not listings:
        return pl.DataFrame(schema=_SCHEMA)
    first = pl.concat(listings).group_by(SERIES).agg(listed=pl.col("date").min()).collect()
    since, until = _new_since(dataset, cutoff), dataset.periods_after(cutoff, dataset.horizon)[-1]
    recent = first.filter(pl.col("listed").is_between(since, until))
    unsold = recent.join(releases, on=list(SERIES), how="anti")
    return unsold.join(releases, on="store_id", how="semi").sort(SERIES)


def add_new_releases(releases: pl.DataFrame, new: pl.DataFrame, *, cutoff: date) -> pl.DataFrame:
    """The releases and the new series, as if these had been released at the cutoff; sorted by series."""
    released = new.select(*SERIES, release=pl.lit(cutoff))
    return pl.concat([releases.select(released.columns), released]).sort(SERIES)


def as_new(features: pl.DataFrame, new: pl.DataFrame, spec: FeatureSpec) -> pl.DataFrame:
    """The same rows, without those before a new series is listed, and nothing known of what it sold."""
    own = [name for name in feature_names(spec) if name.startswith(_OWN)]
    rows = features.join(new, on=list(SERIES), how="left", maintain_order="left")
    rows = rows.filter(pl.col("listed").is_null() | (pl.col("date") >= pl.col("listed")))
    return rows.with_columns(pl.when(pl.col("listed").is_null()).then(pl.col(own)).name.keep()).drop("listed")


def add_basis(forecasts: pl.DataFrame, releases: pl.DataFrame, dataset: Dataset, *, cutoff: date) -> pl.DataFrame:
    """The same rows and `basis`: "cold_start" for series without a sale before the last periods, else "history"."""
    old = releases.filter(pl.col("release") < _new_since(dataset, cutoff)).select(*SERIES, basis=pl.lit(HISTORY))
    joined = forecasts.join(old, on=list(SERIES), how="left", maintain_order="left")
    return joined.with_columns(pl.col("basis").fill_null(COLD_START))


def _new_since(dataset: Dataset, cutoff: date) -> date:
    """The first of the periods up to the cutoff in which a series counts as new."""
    return cutoff - timedelta(days=(_NEW_PERIODS[dataset.frequency] - 1) * dataset.period_days)
