"""Levels of aggregation: which series add up to which, and matrices summed along them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retail_forecast.errors import SchemaError

SERIES = ("store_id", "item_id")
ALL_LEVELS = "all"
_CHUNK_ROWS = 2_000


def level_name(columns: Sequence[str]) -> str:
    """How a level is written in a score table.

    >>> level_name(()), level_name(("store_id", "department"))
    ('total', 'store_id/department')
    """
    return "/".join(columns) or "total"


def level_columns(name: str) -> list[str]:
    """The inverse of `level_name`."""
    return [] if name == level_name(()) else name.split("/")


def group_names(described: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
    """What each row's group of a level is called: the values of its columns, joined by a slash.

    A slash or a percent sign within a value is written %2F or %25 and a missing value is empty, so that names can be
    taken apart again (`split_groups`).

    >>> group_names(pl.DataFrame({"store_id": ["s"], "department": ["a/b"]}), ["store_id", "department"]).to_list()
    ['s/a%2Fb']
    """
    if not columns:
        return pl.repeat(level_name(()), described.height, dtype=pl.String, eager=True).alias("group")
    texts = (pl.col(name).cast(pl.String).fill_null("") for name in columns)
    escaped = [text.str.replace_all("%", "%25", literal=True).str.replace_all("/", "%2F") for text in texts]
    return described.select(group=pl.concat_str(escaped, separator="/"))["group"]


def group_of_series(store_id: str, item_id: str) -> str:
    """What a series is called as a group of the lowest level.

    >>> group_of_series("s", "a/b")
    's/a%2Fb'
    """
    return "/".join(value.replace("%", "%25").replace("/", "%2F") for value in (store_id, item_id))


def split_groups(groups: pl.Series, columns: Sequence[str]) -> pl.DataFrame:
    """The inverse of `group_names`: a text column per column of the level; a missing value comes back as empty.

    >>> split_groups(pl.Series(["s/a%2Fb"]), ["store_id", "department"]).row(0)
    ('s', 'a/b')
    """
    if not columns:
        return pl.DataFrame(height=len(groups))
    parts = groups.str.split("/")
    values = {name: parts.list.get(place).str.replace_all("%2F", "/") for place, name in enumerate(columns)}
    return pl.DataFrame({name: value.str.replace_all("%25", "%", literal=True) for name, value in values.items()})


@dataclass(frozen=True)
class Level:
    """One level: the series [N], in an order that puts each of its G groups side by side from `starts` on.

    groups: the name of each group, in their order.
    """

    name: str
    order: NDArray[np.intp]
    starts: NDArray[np.intp]
    groups: pl.Series

    @property
    def codes(self) -> NDArray[np.intp]:
        """[N]: the group of each series, as its place among the groups."""
        codes = np.empty(len(self.order), dtype=np.intp)
        codes[self.order] = np.repeat(np.arange(len(self.starts)), np.diff(np.append(self.starts, len(self.order))))
        return codes

    def sums(self, matrix: NDArray[np.floating]) -> NDArray[np.float64]:
        """[N, P] to [G, P]: the sum over each group's series."""
        return np.add.reduceat(matrix[self.order], self.starts, axis=0, dtype=np.float64)

    def chunks(self, matrix: NDArray[np.floating]) -> Iterator[NDArray[np.float64]]:
        """`sums` of a wide matrix, some thousand series at a time, so that no second copy of it is held."""
        ends = np.append(self.starts[1:], len(self.order))
        begin = 0
        while begin < len(self.starts):
            stop = int(np.searchsorted(ends, self.starts[begin] + _CHUNK_ROWS, side="right"))
            stop = max(stop, begin + 1)
            rows = self.order[self.starts[begin] : ends[stop - 1]]
            yield np.add.reduceat(matrix[rows], self.starts[begin:stop] - self.starts[begin], axis=0, dtype=np.float64)
            begin = stop


def level_sums(levels: Sequence[Level], matrix: NDArray[Any], *, add: np.ufunc = np.add) -> dict[str, NDArray[Any]]:
    """Level to [G, P], as its `sums` of a matrix [N, P]: what is summed already is summed up further, in its stead.

    add: np.logical_or tells of each group whether it is true of any of its series.
    """
    made: list[tuple[Level, NDArray[Any]]] = []
    for level in sorted(levels, key=lambda level: -len(level.starts)):
        made.append((level, _summed(made, level, matrix, add)))
    sums = {level.name: of_level for level, of_level in made}
    return {level.name: sums[level.name] for level in levels}


def _summed(
    made: Sequence[tuple[Level, NDArray[Any]]], level: Level, matrix: NDArray[Any], add: np.ufunc
) -> NDArray[Any]:
    """The sums of a level, from the smallest of those made whose groups lie each within one of its own."""
    if len(level.starts) == len(level.order):
        return matrix[level.order]
    wide = np.float64 if add is np.add else None
    codes = level.codes
    for finer, sums in reversed(made):
        upward = codes[finer.order[finer.starts]]
        if np.array_equal(upward[finer.codes], codes):
            order = np.argsort(upward, kind="stable")
            starts = np.flatnonzero(np.diff(upward[order], prepend=-1))
            return np.asarray(add.reduceat(sums[order], starts, axis=0, dtype=wide))
    return np.asarray(add.reduceat(matrix[level.order], level.starts, axis=0, dtype=wide))


def build_levels(
    series: pl.DataFrame,
    attributes: Mapping[str, pl.LazyFrame | pl.DataFrame],
    levels: Sequence[Sequence[str]],
) -> list[Level]:
    """The levels over `series`, one row of which is one (store_id, item_id).

    attributes: tables with one row per store, item or series. The series without a value form a group of
    their own, so every level adds up to the same total. Raises SchemaError for an unknown column.
    """
    described = add_attributes(series, attributes)
    return [_level(described, tuple(columns)) for columns in levels]


def add_attributes(series: pl.DataFrame, attributes: Mapping[str, pl.LazyFrame | pl.DataFrame]) -> pl.DataFrame:
    """The same rows in the same order, with the attributes of each series beside it."""
    for table in attributes.values():
        columns = table.lazy().collect_schema().names()
        keys = [key for key in SERIES if key in columns]
        series = series.join(table.lazy().collect(), on=keys, how="left", maintain_order="left")
    return series


def _level(described: pl.DataFrame, columns: tuple[str, ...]) -> Level:
    if unknown := [column for column in columns if column not in described.columns]:
        raise SchemaError(
            table="levels",
            problems=[f"{unknown[0]!r} is neither a key nor an attribute"],
            fix=f"Known are {described.columns}.",
        )
    if columns:
        codes = described.select(pl.struct(columns).rank("dense")).to_series().to_numpy().astype(np.intp)
    else:
        codes = np.zeros(described.height, dtype=np.intp)
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    return Level(level_name(columns), order, starts, group_names(described[order[starts]], columns))
