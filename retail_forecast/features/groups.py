"""Groups of series, such as the departments of a store: their sums, described like series of their own.

A group is a store and a value of an attribute of its items, which takes the place of `item_id`. Forecasts of groups
know what a single series is too noisy to show: seasons, events, growth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl

from retail_forecast.features.spec import CovariateTable, FeatureSpec, ValueType

Tables = Mapping[str, pl.LazyFrame]
GROUP = ["store_id", "group"]
WHOLE_STORE = "all"
_LEAST_SERIES, _MOST_GROUPS = 5, 2_000
_LEAST_KNOWN = 0.5
_SERIES = ["store_id", "item_id"]


@dataclass(frozen=True)
class Grouping:
    """Series are summed by store and by this attribute of their items; None sums whole stores."""

    attribute: str | None


def choose_grouping(series: pl.DataFrame, attributes: Tables, spec: FeatureSpec) -> Grouping | None:
    """The finest grouping whose groups have five series on average; None where stores have too few to sum.

    series: store_id, item_id, one row per series.
    """
    found: list[tuple[int, str | None]] = []
    for name in (None, *_item_attributes(spec)):
        groups = group_of(series.lazy(), attributes, spec, Grouping(name)).select(GROUP).unique().collect().height
        if groups * _LEAST_SERIES <= series.height and groups <= _MOST_GROUPS:
            found.append((groups, name))
    return Grouping(max(found, key=lambda one: (one[0], one[1] or ""))[1]) if found else None


def group_of(series: pl.LazyFrame, attributes: Tables, spec: FeatureSpec, grouping: Grouping) -> pl.LazyFrame:
    """The rows of `series` (store_id, item_id and others) in their order, with the `group` of each."""
    if grouping.attribute is None:
        return series.with_columns(group=pl.lit(WHOLE_STORE))
    table = next(table for table in spec.attribute_tables if grouping.attribute in table.values)
    values = attributes[table.name].select(*table.keys, group=pl.col(grouping.attribute).cast(pl.String))
    joined = series.join(values, on=list(table.keys), how="left", maintain_order="left")
    return joined.with_columns(pl.col("group").fill_null(WHOLE_STORE))


def group_column(features: pl.DataFrame, grouping: Grouping | None) -> pl.Series:
    """The group of each feature row of a series."""
    if grouping is None or grouping.attribute is None:
        return pl.repeat(WHOLE_STORE, features.height, eager=True).alias("group")
    return features[grouping.attribute].cast(pl.String).fill_null(WHOLE_STORE).alias("group")


def group_spec(spec: FeatureSpec) -> FeatureSpec:
    """The features of groups: those of series, with what belongs to single items summed up or left out."""
    return replace(
        spec,
        covariates=tuple(_group_table(table) if table.per_item else table for table in spec.covariates),
        attribute_tables=tuple(table for table in spec.attribute_tables if "item_id" not in table.keys),
        sales_values={},
    )


def sum_sales(sales: pl.LazyFrame, members: pl.LazyFrame, spec: FeatureSpec) -> pl.LazyFrame:
    """One row per group and period: store_id, item_id (the group), date, units_sold of all its series.

    members: store_id, item_id, group, release. Where a missing period is unknown, the known series stand for the
    others, and a period of which less than half is known is left out.
    """
    rows = sales.select(*_SERIES, "date", "units_sold").join(members.select(*_SERIES, "group"), on=_SERIES)
    units = pl.col("units_sold")
    sums = rows.group_by(*GROUP, "date").agg(units_sold=units.cast(pl.Float64).sum(), _known=units.count())
    if spec.missing_periods == "missing":
        sums = _join_active(sums, members).filter(pl.col("_known") >= _LEAST_KNOWN * pl.col("_active"))
        sums = sums.with_columns(units_sold=pl.col("units_sold") / pl.col("_known") * pl.col("_active"))
    return _as_series(sums.select(*GROUP, "date", "units_sold"))


def sum_covariates(covariates: Tables, members: pl.LazyFrame, spec: FeatureSpec) -> dict[str, pl.LazyFrame]:
    """The covariate tables of `group_spec`: rows of single items become what holds for their group."""
    return {
        table.name: _sum_table(covariates[table.name], table, members) if table.per_item else covariates[table.name]
        for table in spec.covariates
    }


def group_releases(members: pl.LazyFrame) -> pl.LazyFrame:
    """One row per group: store_id, item_id (the group) and the first sale of any of its series; sorted."""
    first = members.group_by(GROUP).agg(pl.col("release").min())
    return _as_series(first).sort(_SERIES)


def _item_attributes(spec: FeatureSpec) -> list[str]:
    tables = (table for table in spec.attribute_tables if "item_id" in table.keys)
    return [name for table in tables for name, kind in table.values.items() if kind == "category"]


def _group_table(table: CovariateTable) -> CovariateTable:
    kinds: dict[str, ValueType] = {
        name: "float" if kind == "float" else "integer" for name, kind in _numbers(table).items()
    }
    return CovariateTable(table.name, ("store_id", "item_id", "date"), kinds, {}, table.carry_forward)


def _numbers(table: CovariateTable) -> dict[str, ValueType]:
    return {name: kind for name, kind in table.known_future.items() if kind != "category"}


def _sum_table(rows: pl.LazyFrame, table: CovariateTable, members: pl.LazyFrame) -> pl.LazyFrame:
    names = _numbers(table)
    joined = rows.join(members, on=[key for key in table.keys if key != "date"])
    if table.carry_forward:
        return _as_series(_indices(joined, names, members))
    means = {name: _mean(name, kind) for name, kind in names.items()}
    return _as_series(_join_active(joined.group_by(*GROUP, "date").agg(**means), members).with_columns(
        pl.col(name) / pl.col("_active") for name, kind in names.items() if kind != "float"
    ).select(*GROUP, "date", *names))  # fmt: skip


def _mean(name: str, kind: ValueType) -> pl.Expr:
    """The mean of a number; of flags and counts the sum, to be divided by all series: who is not listed has none."""
    return pl.col(name).cast(pl.Float64).mean() if kind == "float" else pl.col(name).cast(pl.Float64).sum()


def _indices(rows: pl.LazyFrame, names: Mapping[str, ValueType], members: pl.LazyFrame) -> pl.LazyFrame:
    """One row per group and day of change: a chained index per value, so that new items do not move it.

    Of prices the geometric mean of their changes (a matched-model Jevons index); of other values the mean change.
    Source: ILO and others, Consumer Price Index Manual (2020), chapter 8.
    """
    rows = rows.sort(*_SERIES, "date")
    changes = {name: _change(name, kind).over(_SERIES).fill_null(0.0) for name, kind in names.items()}
    sums = rows.with_columns(**changes).group_by(*GROUP, "date").agg(pl.col(list(names)).sum())
    steps = _join_active(sums, members).sort(*GROUP, "date")
    totals = {name: (pl.col(name) / pl.col("_active")).cum_sum().over(GROUP) for name in names}
    index = {name: totals[name].exp() if kind == "float" else totals[name] for name, kind in names.items()}
    return steps.with_columns(**index).select(*GROUP, "date", *names)


def _change(name: str, kind: ValueType) -> pl.Expr:
    value = pl.col(name).cast(pl.Float64)
    if kind == "float":
        return pl.when(value > 0).then(value).log().diff()
    return value - value.shift(1).fill_null(0.0)


def _join_active(rows: pl.LazyFrame, members: pl.LazyFrame) -> pl.LazyFrame:
    """The rows with `_active`: how many series of the group had sold by their date, one at least."""
    born = members.group_by(*GROUP, "release").agg(_born=pl.len()).sort("release")
    counts = born.select(*GROUP, date=pl.col("release"), _active=pl.col("_born").cum_sum().over(GROUP))
    joined = rows.sort("date").join_asof(counts.sort("date"), on="date", by=GROUP, check_sortedness=False)
    return joined.with_columns(pl.col("_active").fill_null(1))


def _as_series(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.rename({"group": "item_id"})
