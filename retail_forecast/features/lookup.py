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

_BLOCK = 2**17  # rows at a time: fresh memory for all at once would cost more than the work itself


@dataclass(frozen=True)
class Lookup:
    """Of entities E, such as stores, in periods T: cells [K] says for which of E times T cells a row of `values` is.

    entity [N]: which entity each series belongs to. carried: a row holds until the next one.
    """

    values: pl.DataFrame
    cells: NDArray[np.integer]
    shape: tuple[int, int]
    entity: NDArray[np.int32]
    carried: bool = False

    @cached_property
    def rows(self) -> NDArray[np.int32]:
        """[E, T]: the row that holds; -1 for none."""
        held = self._laid_out(np.arange(len(self.cells), dtype=np.int32), -1)
        return np.maximum.accumulate(held, axis=1, out=held) if self.carried else held

    def matrix(self, name: str, missing: float = np.nan) -> NDArray[Any]:
        """[E, T]: a number of the table; where there is none, NaN, or what `missing` says unless it is carried."""
        numbers = self.values[name]
        if numbers.dtype != pl.Float32:
            numbers = numbers.cast(pl.Float64)
        if self.carried:
            return np.take(numbers.extend_constant(None, 1).to_numpy(), self.rows, mode="wrap")  # -1 is the last
        return self._laid_out(numbers.to_numpy(), missing)

    def rows_of(self, periods: Places) -> NDArray[np.int32]:
        """[N, U]: the row that holds for each series in these periods."""
        return at_periods(self.rows, periods)[self.entity]

    def _laid_out(self, values: NDArray[Any], missing: float) -> NDArray[Any]:
        """[K] to [E, T]."""
        made = np.full(self.shape, missing, dtype=values.dtype) if missing else np.zeros(self.shape, dtype=values.dtype)
        flat = made.ravel()
        for start in range(0, len(values), _BLOCK):
            block = slice(start, start + _BLOCK)
            flat[self.cells[block].astype(np.intp)] = values[block]
        return made

    def gather(self, names: Sequence[str], rows: NDArray[np.int32]) -> pl.DataFrame:
        """These rows of the table, with its values as they are; nulls for -1."""
        return self.values.select(pl.col(names).gather(pl.lit(pl.Series(rows)).replace(-1, None)))


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
    cells = _cells(rows, numbers, timeline, entities.height, later=carry_forward)
    used, rows = cells >= 0, rows.drop("_owner", "_date")
    if not used.all():
        rows, cells = rows.filter(used), cells[used]
    return Lookup(rows, cells, (entities.height, timeline.count), match_rows(series, entities, owners), carry_forward)


def _cells(
    rows: pl.DataFrame, numbers: Numbering, timeline: Timeline, height: int, *, later: bool
) -> NDArray[np.integer]:
    """[K]: the entity and period of each row as a place in a matrix of `height` entities; -1 for none."""
    kind = np.int32 if height * timeline.count < 2**31 else np.int64
    made: NDArray[np.integer[Any]] = np.empty(rows.height, dtype=kind)
    for number, part in enumerate(rows.select("_owner", "_date").iter_slices(_BLOCK)):
        entity, period = numbers.match(part["_owner"]), timeline.place_of(part["_date"], later=later)
        if later:
            period = np.maximum(period, 0)
        cells = made[number * _BLOCK :][: part.height]
        np.multiply(entity, kind(timeline.count), out=cells)
        np.add(cells, period, out=cells, casting="same_kind")
        np.copyto(cells, -1, where=(entity < 0) | (period < 0) | (period >= timeline.count))
    return made


def match_rows(rows: pl.DataFrame, entities: pl.DataFrame, keys: Sequence[str]) -> NDArray[np.int32]:
    """For each of `rows` the one of `entities` with the same keys, -1 for none. Without keys there is one entity."""
    numbers = Numbering(entities, keys)
    return numbers.match(rows.select(numbers.of_keys.alias("_owner"))["_owner"])


class Numbering:
    """A number for each combination of keys that entities have: far faster than a join on text.

    of_keys: the number of a row of another table; a key of no entity counts as one more value.
    """

    def __init__(self, entities: pl.DataFrame, keys: Sequence[str]) -> None:
        values = {key: _categories(entities[key]) for key in keys}
        self.of_keys: pl.Expr = pl.repeat(0, pl.len(), dtype=pl.Int32)
        for key, known in values.items():
            self.of_keys = self.of_keys * (len(known) + 1) + _position(key, known)
        self._found = np.full(prod(len(known) + 1 for known in values.values()), -1, dtype=np.int32)
        self._found[entities.select(self.of_keys).to_series().to_numpy()] = np.arange(entities.height)

    def match(self, numbers: pl.Series) -> NDArray[np.int32]:
        """The entity with these numbers, -1 for none."""
        return np.asarray(self._found[numbers.to_numpy()])


def _categories(keys: pl.Series) -> pl.Series:
    return keys.dtype.categories if isinstance(keys.dtype, pl.Enum) else keys.unique().sort()


def _position(key: str, known: pl.Series) -> pl.Expr:
    """Which of the known values a key is; one more if it is none of them."""
    if len(known) == 1:
        other: pl.Expr = pl.col(key) != known[0]
        return other.cast(pl.Int32).fill_null(1)
    position = pl.col(key).cast(pl.Enum(known), strict=False).to_physical().cast(pl.Int32)
    return position.fill_null(len(known))
