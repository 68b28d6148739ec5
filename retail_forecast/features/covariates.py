"""Covariates of series and periods: found by their keys, carried forward where they stay valid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from retail_forecast.features.events import add_changes
from retail_forecast.features.lookup import Lookup, look_up, match_rows
from retail_forecast.features.spec import CovariateTable, ValueType
from retail_forecast.features.timeline import Timeline

TYPES: dict[ValueType, type[pl.DataType]] = {
    "float": pl.Float32,
    "integer": pl.Float32,
    "boolean": pl.Float32,
    "category": pl.String,
}


def look_up_covariates(table: CovariateTable, values: pl.LazyFrame, series: pl.DataFrame, timeline: Timeline) -> Lookup:
    """The values of a table for series and periods; of what all items of a store share, with its event features."""
    kinds = {**table.known_future, **table.past}
    rows = values.select(*table.keys, *(pl.col(name).cast(TYPES[kind]) for name, kind in kinds.items()))
    if table.per_item:
        return look_up(rows, table.keys, series, timeline, carry_forward=table.carry_forward)
    stores = series.select("store_id").unique().sort("store_id")
    ahead = replace(timeline, count=timeline.count + timeline.spec.windows.look_around)
    found = look_up(rows, table.keys, stores, ahead, carry_forward=table.carry_forward)
    states = found.gather(list(kinds), found.rows_of(np.arange(ahead.count)).ravel())
    shape, entity = (stores.height, ahead.count), match_rows(series, stores, ["store_id"])
    return Lookup(add_changes(states, table, timeline.spec), np.arange(states.height), shape, entity)
