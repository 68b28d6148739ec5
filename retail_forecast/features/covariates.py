"""Covariates on the grid: joined by their keys, carried forward where they stay valid."""

from __future__ import annotations

import polars as pl

from retail_forecast.features.grid import as_known, exact
from retail_forecast.features.spec import CovariateTable, FeatureSpec, ValueType, reference_names

_TYPES: dict[ValueType, type[pl.DataType]] = {
    "float": pl.Float32,
    "integer": pl.Float32,
    "boolean": pl.Float32,
    "category": pl.String,
}


def join_covariates(rows: pl.LazyFrame, table: CovariateTable, values: pl.LazyFrame) -> pl.LazyFrame:
    """The same rows in the same order, each with the values that hold on its date.

    Rows must be sorted by date within each store and item.
    """
    kinds = {**table.known_future, **table.past}
    values = values.select(*table.keys, *(pl.col(name).cast(_TYPES[kind]) for name, kind in kinds.items()))
    if not table.carry_forward:
        return rows.join(values, on=list(table.keys), how="left", maintain_order="left")
    groups = [key for key in table.keys if key != "date"]
    values = values.sort("date")
    return rows.join_asof(values, on="date", by=groups or None, check_sortedness=False)


def add_reference_features(grid: pl.LazyFrame, spec: FeatureSpec) -> pl.LazyFrame:
    """The grid's rows with the level of each relative column (a price) as it stood at the rolling cutoff.

    `_<column>` and `_<column>_known` are left for the levels to sum: released series only.
    """
    released = pl.col("date") >= pl.col("release")
    for column in spec.relative:
        value = exact(pl.col(column))
        known = value.is_not_null()
        last, mean, highest, *_ = reference_names(column, spec)
        w = spec.windows
        grid = grid.with_columns(_value=value.fill_null(0.0), _count=known.cast(pl.Float64))
        window_mean = pl.col("_value").rolling_sum(w.long) / pl.col("_count").rolling_sum(w.long)
        columns = {
            last: as_known(pl.col(column), spec),
            mean: as_known(window_mean.fill_nan(None).cast(pl.Float32), spec),
            highest: as_known(pl.col(column).rolling_max(w.year, min_samples=1), spec),
            f"_{column}": pl.when(released).then(pl.col("_value")),
            f"_{column}_known": pl.when(released).then(pl.col("_count")),
        }
        grid = grid.with_columns(**columns)
    return grid


def add_past_features(grid: pl.LazyFrame, spec: FeatureSpec) -> pl.LazyFrame:
    """The grid's rows with each covariate that is not known ahead, as of the rolling cutoff."""
    numeric = [name for name, kind in spec.past_covariates.items() if kind != "category"]
    return grid.with_columns(as_known(pl.col(name).cast(pl.Float32), spec).alias(f"{name}_last") for name in numeric)
