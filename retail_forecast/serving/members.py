"""Which series a group of the hierarchy is made of, and which level lies within which."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import polars as pl

from retail_forecast.evaluation.hierarchy import SERIES, group_names, level_columns


def describe_series(rows: pl.LazyFrame, levels: Collection[str]) -> pl.DataFrame:
    """One row per series, sorted: store_id, item_id, and the other columns of the levels. `rows` may repeat them."""
    others = {column: None for level in levels for column in level_columns(level) if column not in SERIES}
    return rows.select(*SERIES, *others).unique().collect().sort(SERIES)


def members_of(described: pl.DataFrame, level: str, group: str) -> pl.DataFrame:
    """The rows of `described` that are the group's. None of a group that there is not."""
    return described.filter(group_names(described, level_columns(level)) == group)


def nested_levels(described: pl.DataFrame, levels: Sequence[str]) -> Mapping[str, list[str]]:
    """Level to the levels of which each of its groups lies in one group: a store in a state, everything in the total.

    levels: from the fewest groups to the most, for the inner has more; of two equals the first is the outer.

    >>> series = pl.DataFrame({"store_id": ["s1", "s2"], "item_id": ["i", "i"], "region": ["n", "n"]})
    >>> nested_levels(series, ["region", "item_id", "store_id"])["store_id"]
    ['region', 'item_id']
    """
    names = {level: group_names(described, level_columns(level)) for level in levels}
    codes = {level: name.cast(pl.Categorical).to_physical().cast(pl.UInt64) for level, name in names.items()}

    def lies_in(inner: str, outer: str) -> bool:
        return (codes[inner] * 2**32 + codes[outer]).n_unique() == codes[inner].n_unique()

    return {inner: [outer for outer in levels[:place] if lies_in(inner, outer)] for place, inner in enumerate(levels)}
