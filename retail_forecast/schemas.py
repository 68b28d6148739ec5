"""Schemas of every table at rest, and the one function that checks a frame against them before a write."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import lru_cache
from typing import Any

import dataframely as dy
import polars as pl

from retail_forecast.dataset import Dataset, ValueType
from retail_forecast.errors import SchemaError

BASES = ("history", "cold_start")
_VALUE_COLUMNS: dict[ValueType, Any] = {
    "float": dy.Float32,
    "integer": dy.Int64,
    "boolean": dy.Bool,
    "category": dy.String,
}


def _key(name: str) -> dy.Column:
    if name == "date":
        return dy.Date(primary_key=True)
    return dy.String(primary_key=True, min_length=1)


def _schema(name: str, columns: dict[str, dy.Column]) -> type[dy.Schema]:
    return type(name, (dy.Schema,), dict(columns))


@lru_cache(maxsize=64)
def schema_for(dataset: Dataset, table: str) -> type[dy.Schema]:
    """Schema of a delivered table: its keys, then its values. units_sold is never missing, other values may be."""
    spec = dataset.table(table)
    columns: dict[str, dy.Column] = {key: _key(key) for key in spec.keys}
    for name, value_type in spec.values.items():
        columns[name] = _VALUE_COLUMNS[value_type](nullable=name != "units_sold")
    if table == "sales":
        policy = dataset.policy
        least = None if policy.negative_units == "keep" else 0.0
        columns["units_sold"] = dy.Float32(nullable=False, min=least, max=policy.max_units_sold)
    return _schema(f"{table.title()}Schema", columns)


def forecast_schema(dataset: Dataset) -> type[dy.Schema]:
    """Schema of published forecasts: one row per series and period; expected units and their quantiles.

    basis: what they rest on, the series' own history or, where it is new, the hierarchy ("cold_start"). spread: how
    erratic the series is, as the model's intervals want to know it.
    """
    least = None if dataset.policy.negative_units == "keep" else 0.0
    columns = {key: _key(key) for key in ("store_id", "item_id", "date")}
    columns["lead"] = dy.Int16(nullable=False, min=1, max=dataset.horizon)
    for name in ("mean", *dataset.quantile_columns):
        columns[name] = dy.Float32(nullable=False, min=least)
    columns |= {"basis": dy.Enum(BASES, nullable=False), "spread": dy.Float32(nullable=False)}
    return _schema("ForecastSchema", columns)


class BacktestSchema(dy.Schema):
    """One row per model, cutoff, series and period: what was forecast and what was sold (units)."""

    model = dy.String(primary_key=True)
    cutoff = dy.Date(primary_key=True)
    store_id = dy.String(primary_key=True)
    item_id = dy.String(primary_key=True)
    date = dy.Date(primary_key=True)
    lead = dy.Int16(min=1)
    mean = dy.Float32()
    units_sold = dy.Float32(nullable=True)


class ScoreSchema(dy.Schema):
    """One row per model, cutoff, level of aggregation and metric."""

    model = dy.String(primary_key=True)
    cutoff = dy.Date(primary_key=True)
    level = dy.String(primary_key=True)
    metric = dy.String(primary_key=True)
    value = dy.Float64(nullable=True)


class CoverageSchema(dy.Schema):
    """One row per cutoff, level, lead and quantile: the share of what was sold at or below it, and its pinball loss."""

    cutoff = dy.Date(primary_key=True)
    level = dy.String(primary_key=True)
    lead = dy.Int16(primary_key=True, min=1)
    quantile = dy.Float64(primary_key=True, min=0, max=1)
    share_below = dy.Float64(min=0, max=1)
    pinball = dy.Float64(min=0)


def level_forecast_schema(dataset: Dataset) -> type[dy.Schema]:
    """Schema of a vintage's forecasts above the series: one row per level, group and period.

    group: the values of the level's columns, joined by a slash; "total" of the total.
    """
    least = None if dataset.policy.negative_units == "keep" else 0.0
    columns: dict[str, dy.Column] = {"level": _key("level"), "group": dy.String(primary_key=True), "date": _key("date")}
    columns["lead"] = dy.Int16(nullable=False, min=1, max=dataset.horizon)
    for name in ("mean", *dataset.quantile_columns):
        columns[name] = dy.Float32(nullable=False, min=least)
    return _schema("LevelForecastSchema", columns)


def validate_table(schema: type[dy.Schema], frame: pl.DataFrame, *, table: str) -> pl.DataFrame:
    """The frame with the schema's columns and types. Raises SchemaError with column, rule, count and culprits.

    Rows whose keys rise cannot repeat one, so only the rest of the schema is evaluated on them, in a third of the time.
    """
    wanted = schema.column_names()
    if missing := [name for name in wanted if name not in frame.columns]:
        found = ", ".join(frame.columns)
        raise SchemaError(table=table, problems=[f"column {missing[0]!r} is missing"], fix=f"Columns: {found}.")
    frame = frame.select(wanted)
    if is_rising(frame, schema.primary_key()) and _without_key(schema).is_valid(frame):
        return frame
    try:
        good, failure = schema.filter(frame, cast=True)
    except (pl.exceptions.PolarsError, dy.exc.SchemaError) as error:
        raise SchemaError(table=table, problems=[str(error)], fix="Check the column's type.") from error
    if counts := failure.counts():
        culprit = failure.invalid().head(1).to_dicts()[0]
        problems = [f"{rule.replace('|', ': ')} fails for {count} rows" for rule, count in counts.items()]
        raise SchemaError(table=table, problems=problems, fix=f"First culprit: {culprit}.")
    return good


def is_rising(frame: pl.DataFrame, keys: Sequence[str]) -> bool:
    """Whether each row's keys are greater than those of the row above: sorted, none missing, none twice."""
    *outer, inner = keys
    rising = frame[inner].head(-1) < frame[inner].tail(-1)
    for key in reversed(outer):
        above, below = frame[key].head(-1), frame[key].tail(-1)
        rising = (above < below) | (above == below) & rising
    return bool(rising.all(ignore_nulls=False))


@lru_cache(maxsize=64)
def _without_key(schema: type[dy.Schema]) -> type[dy.Schema]:
    """The schema with all its rules but one: that keys are unique."""
    columns = {name: copy(column) for name, column in schema.columns().items()}
    for column in columns.values():
        column.primary_key = False
    return type(f"{schema.__name__}WithoutKey", (schema,), dict(columns))


def column_types(dataset: Dataset, table: str) -> dict[str, pl.DataType]:
    """Type of each column of a delivered table."""
    return {name: column.dtype for name, column in schema_for(dataset, table).columns().items()}
