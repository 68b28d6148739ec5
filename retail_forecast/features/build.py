"""The only door: sales, covariates and attributes in, features out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from retail_forecast.errors import ConfigurationError
from retail_forecast.features.covariates import add_past_features, add_reference_features, join_covariates
from retail_forecast.features.events import build_states
from retail_forecast.features.grid import add_leads, build_grid, build_periods, first_sales
from retail_forecast.features.known import add_known_features
from retail_forecast.features.levels import build_level, level_keys
from retail_forecast.features.sales import add_sales_features
from retail_forecast.features.smoothing import add_smoothing
from retail_forecast.features.spec import FeatureSpec, categorical_features, feature_names

Tables = Mapping[str, pl.LazyFrame]


def build_features(
    sales: pl.LazyFrame,
    covariates: Tables,
    attributes: Tables,
    spec: FeatureSpec,
    *,
    cutoff: date,
    start: date | None = None,
    releases: pl.LazyFrame | None = None,
) -> pl.LazyFrame:
    """One row per series and period, from the series' first sale to cutoff + horizon, sorted.

    Columns: store_id, item_id, date, units_sold (null after the cutoff, and where nothing is known), then
    `feature_names(spec)`: Float32, and String for the categorical ones. Rolling cutoffs are the cutoff and
    every horizon before it. Whatever comes from sales comes from periods up to the rolling cutoff before the row, so
    one table serves them all; `lead` says how far ahead of it the row is.

    start: the first date wanted; sales since `spec.shift(start, -spec.warm_up)` are all that is read.
    releases: the first sale of each series (`first_sales`), needed if `sales` does not reach back that far.
    """
    _require(covariates, [table.name for table in spec.covariates])
    _require(attributes, [table.name for table in spec.attribute_tables])
    sales = sales.filter(pl.col("date") <= cutoff)
    series = _build_series(sales if releases is None else releases, attributes, spec, cutoff, releases is None)
    first, last = _first_period(series, spec, cutoff, start), spec.shift(cutoff, spec.horizon)
    grid = build_grid(series, build_periods(first, last, spec), _since(sales, start, spec), spec, cutoff=cutoff)
    grid = add_leads(grid, spec, cutoff=cutoff)
    for table in spec.covariates:
        if table.per_item:
            grid = join_covariates(grid, table, covariates[table.name])
    grid = _join_states(grid, covariates, series, first, spec, cutoff)
    grid = add_reference_features(add_past_features(grid, spec), spec)
    rows = _kept(add_sales_features(add_smoothing(grid, spec), spec), start)
    for level in spec.levels:
        keys = [*level_keys(level), "period"]
        levels = build_level(grid, level, spec)
        rows = rows.join(levels, on=keys, how="left", maintain_order="left", nulls_equal=True)
    return _finished(add_known_features(rows, spec), spec)


def _build_series(
    source: pl.LazyFrame, attributes: Tables, spec: FeatureSpec, cutoff: date, from_sales: bool
) -> pl.LazyFrame:
    """One row per series sold by the cutoff: its release and attributes; `series` counts from zero."""
    releases = first_sales(source) if from_sales else source.filter(pl.col("release") <= cutoff)
    series = releases.select("store_id", "item_id", "release").sort("store_id", "item_id").with_row_index("series")
    for table in spec.attribute_tables:
        values = attributes[table.name].select(*table.keys, *table.values)
        series = series.join(values, on=list(table.keys), how="left", maintain_order="left")
    return series


def _first_period(series: pl.LazyFrame, spec: FeatureSpec, cutoff: date, start: date | None) -> pl.LazyFrame:
    """One row: `first`, the date at which the grid begins."""
    first = pl.lit(start) if start else pl.col("release").min().fill_null(cutoff)
    return series.select(first=(first - pl.duration(days=spec.warm_up * spec.period_days)).first())


def _since(sales: pl.LazyFrame, start: date | None, spec: FeatureSpec) -> pl.LazyFrame:
    return sales.filter(pl.col("date") >= spec.shift(start, -spec.warm_up)) if start else sales


def _join_states(
    grid: pl.LazyFrame, covariates: Tables, series: pl.LazyFrame, first: pl.LazyFrame, spec: FeatureSpec, cutoff: date
) -> pl.LazyFrame:
    stores = series.select("store_id").unique().sort("store_id")
    periods = build_periods(first, spec.shift(cutoff, spec.horizon + spec.windows.look_around), spec)
    for table in spec.covariates:
        if not table.per_item:
            states = build_states(table, covariates[table.name], stores, periods, spec)
            grid = grid.join(states, on=["store_id", "period"], how="left", maintain_order="left")
    return grid


def _kept(grid: pl.LazyFrame, start: date | None) -> pl.LazyFrame:
    in_life = pl.col("date") >= pl.col("release")
    return grid.filter(in_life & (pl.col("date") >= start) if start else in_life)


def _finished(rows: pl.LazyFrame, spec: FeatureSpec) -> pl.LazyFrame:
    text = set(categorical_features(spec))
    numbers = [name for name in feature_names(spec) if name not in text]
    features = [name for name in feature_names(spec) if name not in ("store_id", "item_id")]
    rows = rows.with_columns(pl.col(numbers).cast(pl.Float32))
    return rows.select("store_id", "item_id", "date", "units_sold", *features)


def _require(tables: Tables, names: list[str]) -> None:
    if missing := [name for name in names if name not in tables]:
        raise ConfigurationError(
            key=f"tables.{missing[0]}", found=f"only {sorted(tables)}", expected="this table, delivered and published"
        )
