"""Which row of a table with dates holds for a series in a period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retail_forecast.features.timeline import Places, Timeline, at_periods


@dataclass(frozen=True)
class Lookup:
    """rows [E, T]: the row of `values` that holds in a period for an entity, such as a store; -1 for none.

    entity [N]: which entity each series belongs to.
    """

    values: pl.DataFrame
    rows: NDArray[np.int32]
    entity: NDArray[np.int32]

    def matrix(self, name: str, entities: slice | NDArray[np.int32] = slice(None)) -> NDArray[Any]:
        """[E, T]: a number of the table for these entities, NaN where none holds."""
        return np.take(self._numbers[name], self.rows[entities], mode="wrap")

    def rows_of(self, periods: Places) -> NDArray[np.int32]:
        """[N, U]: the row that holds for each series in these periods."""
        return at_periods(self.rows, periods)[self.entity]

    def gather(self, names: Sequence[str], rows: NDArray[np.int32]) -> pl.DataFrame:
        """These rows of the table, with its values as they are; nulls for -1."""
        return self.values.select(pl.col(names).gather(pl.lit(pl.Series(rows)).replace(-1, None)))

    @cached_property
    def _numbers(self) -> dict[str, NDArray[Any]]:
        """The numbers and flags of the table, each with NaN as its last, which is that of row -1."""
        columns = (column for column in self.values if column.dtype.is_numeric() or column.dtype == pl.Boolean)
        floats = (column if column.dtype == pl.Float32 else column.cast(pl.Float64) for column in columns)
        return {column.name: column.extend_constant(None, 1).to_numpy() for column in floats}


def look_up(
    table: pl.LazyFrame, keys: Sequence[str], series: pl.DataFrame, timeline: Timeline, *, carry_forward: bool = False
) -> Lookup:
    """Rows by `keys` (of store_id and item_id, and date). carry_forward: a row holds until the next one."""
    owners = [key for key in keys if key != "date"]
    entities = series.select(owners).unique(maintain_order=True) if owners else series.head(1)
    numbers = Numbering(entities, owners)
    rows = table.select(pl.exclude(keys), numbers.of_keys.alias("_owner"), pl.col("date").alias("_date")).collect()
    if carry_forward:
        rows = rows.sort("_date", maintain_order=True)
    entity, period = numbers.match(rows["_owner"]), timeline.place_of(rows["_date"], later=carry_forward)
    if carry_forward:
        period = np.maximum(period, 0)
    held = np.full((entities.height, timeline.count), -1, dtype=np.int32)
    used = (entity >= 0) & (period >= 0) & (period < timeline.count)
    cells = entity * np.intp(timeline.count) + period
    held.ravel()[cells if used.all() else cells[used]] = np.flatnonzero(used)
    if carry_forward:
        np.maximum.accumulate(held, axis=1, out=held)
    return Lookup(rows.drop("_owner", "_date"), held, match_rows(series, entities, owners))


def match_rows(rows: pl.DataFrame, entities: pl.DataFrame, keys: Sequence[str]) -> NDArray[np.int32]:
    """For each of `rows` the one of `entities` with the same keys, -1 for none. Without keys there is one entity."""
    numbers = Numbering(entities, keys)
    return numbers.match(rows.select(numbers.of_keys.alias("_owner"))["_owner"])


class Numbering:
    """A number for each combination of keys that entities have: far faster than a join on text.

    of_keys: the number of a row of another table; a key of no entity counts as one more value.
    """

    def __init__(self, entities: pl.DataFrame, keys: Sequence[str]) -> None:
        values = {key: entities[key].unique().sort() for key in keys}
        self.of_keys: pl.Expr = pl.repeat(0, pl.len(), dtype=pl.Int32)
        for key, known in values.items():
            self.of_keys = self.of_keys * (len(known) + 1) + _position(key, known)
        self._found = np.full(prod(len(known) + 1 for known in values.values()), -1, dtype=np.int32)
        self._found[entities.select(self.of_keys).to_series().to_numpy()] = np.arange(entities.height)

    def match(self, numbers: pl.Series) -> NDArray[np.int32]:
        """The entity with these numbers, -1 for none."""
        return self._found[numbers.to_numpy()]


def _position(key: str, known: pl.Series) -> pl.Expr:
    """Which of the known values a key is; one more if it is none of them."""
    if len(known) == 1:
        return (pl.col(key) != known[0]).cast(pl.Int32).fill_null(1)
    return pl.col(key).cast(pl.Enum(known), strict=False).to_physical().cast(pl.Int32).fill_null(len(known))
