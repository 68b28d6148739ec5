"""Finding series and groups by words of their names: a scan over one column, a few milliseconds for 40,000 names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import polars as pl

from retail_forecast.evaluation.hierarchy import split_groups
from retail_forecast.serving.levels import SERIES_LEVEL


@dataclass(frozen=True)
class SearchIndex:
    """One row per group and series: level, group and `name`, which is the group's as words are sought in it.

    Rows are in the order of answers that fit equally well: levels with few groups first, then by name.
    """

    rows: pl.DataFrame

    @classmethod
    def build(cls, levels: Sequence[tuple[str, pl.Series]]) -> SearchIndex:
        """The index over the groups of each level, in the wanted order of the levels."""
        frames = [pl.DataFrame({"group": groups}).with_columns(level=pl.lit(level)) for level, groups in levels]
        shown = pl.col("group").str.replace_all("%2F", "/", literal=True).str.replace_all("%25", "%", literal=True)
        return cls(pl.concat(frames).with_columns(name=plain_text(shown)))

    def find(self, query: str, limit: int) -> tuple[list[dict[str, Any]], int]:
        """(the best matches, how many there are): every word of the query has to be in the name.

        Whole names come first, then whole parts of names, beginnings of names, beginnings of parts, anything else.
        """
        words = pl.select(plain_text(pl.lit(query))).item().split()
        if not words:
            return [], 0
        hits = reduce(lambda rows, word: rows.filter(pl.col("name").str.contains(word, literal=True)), words, self.rows)
        distance = pl.when(pl.col("name") == "/".join(words)).then(0).otherwise(_distance(words))
        ranked = hits.select("level", "group", distance=distance).sort("distance", maintain_order=True)
        return [_match(level, group) for level, group, _ in ranked.head(limit).iter_rows()], hits.height


def plain_text(text: pl.Expr) -> pl.Expr:
    """Lower case without marks above and below letters, so that `sua` finds `Sữa`."""
    bare = text.str.normalize("NFKD").str.replace_all(r"\p{M}", "")
    return bare.str.to_lowercase().str.replace_all("đ", "d", literal=True)


def _distance(words: Sequence[str]) -> pl.Expr:
    """How far the words are from being the name, summed: 1 for a part of it, up to 4 for what is within a part."""
    name = pl.col("name")
    parts = pl.concat_str(pl.lit("/"), name, pl.lit("/"))
    return pl.sum_horizontal(
        pl.when(parts.str.contains(f"/{word}/", literal=True))
        .then(1)
        .when(name.str.starts_with(word))
        .then(2)
        .when(parts.str.contains(f"/{word}", literal=True))
        .then(3)
        .otherwise(4)
        for word in words
    )


def _match(level: str, group: str) -> dict[str, Any]:
    if level != SERIES_LEVEL:
        return {"level": level, "group": group}
    store_id, item_id = split_groups(pl.Series([group]), ["store_id", "item_id"]).row(0)
    return {"level": level, "group": group, "store_id": store_id, "item_id": item_id}
