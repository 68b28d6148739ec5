"""The only doors: sales, covariates and attributes in, features out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date

import polars as pl

from retail_forecast.errors import ConfigurationError
from retail_forecast.features.assembly import assemble
from retail_forecast.features.grid import first_sales
from retail_forecast.features.sources import read_sources
from retail_forecast.features.spec import FeatureSpec
from retail_forecast.features.timeline import build_timeline

Tables = Mapping[str, pl.LazyFrame]
_SERIES = ["store_id", "item_id"]


def build_features(
    sales: pl.LazyFrame,
    covariates: Tables,
    attributes: Tables,
    spec: FeatureSpec,
    *,
    cutoff: date,
    start: date | None = None,
    end: date | None = None,
    releases: pl.LazyFrame | None = None,
    only: Collection[str] | None = None,
) -> pl.LazyFrame:
    """One row per series and period, from the series' first sale to cutoff + horizon, sorted.

    Columns: store_id, item_id, date, units_sold (null after the cutoff, and where nothing is known), then
    `feature_names(spec)`: Float32, and String for the categorical ones. Rolling cutoffs are the cutoff and
    every horizon before it. Whatever comes from sales comes from periods up to the rolling cutoff before the row, so
    one table serves them all; `lead` says how far ahead of it the row is.

    The tables are read and the features computed here and now: matrices, not queries. What is given back is lazy so
    that the caller's own query goes on. Arguments: see `stream_features`.
    """
    parts = stream_features(
        sales, covariates, attributes, spec, cutoff=cutoff, start=start, end=end, releases=releases, only=only
    )
    return pl.concat(parts, rechunk=True).lazy()


def stream_features(
    sales: pl.LazyFrame,
    covariates: Tables,
    attributes: Tables,
    spec: FeatureSpec,
    *,
    cutoff: date,
    start: date | None = None,
    end: date | None = None,
    releases: pl.LazyFrame | None = None,
    only: Collection[str] | None = None,
) -> Iterator[pl.DataFrame]:
    """The rows of `build_features` in parts, some series after the other: for those who need not have all at once.

    The keys are as the sales have them; as Enum they are found without reading any text.

    start: the first date wanted; sales since `spec.shift(start, -spec.warm_up)` are all that is read.
    end: the last date wanted, if it is not the end of the horizon.
    releases: the first sale of each series (`first_sales`), needed if `sales` does not reach back that far.
    only: the features wanted, if not all.
    """
    _require(covariates, [table.name for table in spec.covariates])
    _require(attributes, [table.name for table in spec.attribute_tables])
    sales = sales.filter(pl.col("date") <= cutoff)
    series = _read_series(sales if releases is None else releases, attributes, spec, cutoff, releases is None)
    timeline = build_timeline(spec, cutoff=cutoff, start=start or series["release"].min() or cutoff, end=end)  # type: ignore[arg-type]
    return assemble(read_sources(sales, covariates, series, timeline), only)


def _read_series(
    source: pl.LazyFrame, attributes: Tables, spec: FeatureSpec, cutoff: date, from_sales: bool
) -> pl.DataFrame:
    """One row per series sold by the cutoff, sorted: its release and its attributes."""
    releases = first_sales(source) if from_sales else source.filter(pl.col("release") <= cutoff)
    series = releases.select(*_SERIES, "release").sort(_SERIES)
    for table in spec.attribute_tables:
        values = attributes[table.name].select(*table.keys, *table.values)
        series = series.join(values, on=list(table.keys), how="left", maintain_order="left")
    return series.collect()


def _require(tables: Tables, names: list[str]) -> None:
    if missing := [name for name in names if name not in tables]:
        raise ConfigurationError(
            key=f"tables.{missing[0]}", found=f"only {sorted(tables)}", expected="this table, delivered and published"
        )
