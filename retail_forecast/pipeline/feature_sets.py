"""What a training set is: its pools of stores, its rows and its files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any, Self

import polars as pl
from polars.io.plugins import register_io_source

from retail_forecast.features import FeatureSpec, Grouping, feature_names

_ROW_GROUP = 2**18


@dataclass(frozen=True)
class FeatureSet:
    """A published training set. Rows run from `start` to `cutoff`; `rows` counts them by pool.

    window_periods: how many of the last periods a model learns from; the others are for the cutoffs of a backtest.
    grouping: how series are summed to the rows of `groups.parquet`; None if they are not.
    """

    fingerprint: str
    cutoff: date
    start: date
    pools: Mapping[str, tuple[str, ...]]
    rows: Mapping[str, int]
    spec: FeatureSpec
    window_periods: int
    grouping: Grouping | None = None

    @property
    def columns(self) -> list[str]:
        return feature_names(self.spec)

    @property
    def total_rows(self) -> int:
        return sum(self.rows.values())

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(
            fingerprint=raw["fingerprint"],
            cutoff=date.fromisoformat(raw["cutoff"]),
            start=date.fromisoformat(raw["start"]),
            pools={name: tuple(stores) for name, stores in raw["pools"].items()},
            rows=raw["rows"],
            spec=FeatureSpec.from_json(raw["spec"]),
            window_periods=raw["window_periods"],
            grouping=Grouping(**raw["grouping"]) if raw["grouping"] else None,
        )

    def to_json(self) -> dict[str, Any]:
        dates = {"cutoff": self.cutoff.isoformat(), "start": self.start.isoformat()}
        return {**asdict(self), **dates, "spec": self.spec.to_json()}


def read_feature_set(folder: Path) -> FeatureSet:
    """What is in a training set's folder."""
    return FeatureSet.from_json(json.loads((folder / "features.json").read_text()))


def pool_path(folder: Path, pool: str) -> Path:
    """The feature rows of one pool."""
    return folder / f"pool={pool}" / "features.parquet"


def phases_path(pool: Path) -> Path:
    """Further rows to learn from beside the feature rows of a pool, as of rolling cutoffs in between."""
    return pool.with_name("phases.parquet")


def write_rows(parts: Iterator[pl.DataFrame], path: Path) -> int:
    """A file of feature rows, written part by part; how many there are. There is one part at least, if of no rows."""
    first = next(parts)
    counts: list[int] = []

    def counted(*_: object) -> Iterator[pl.DataFrame]:
        for part in chain([first], parts):
            counts.append(part.height)
            yield part

    rows = register_io_source(counted, schema=first.schema)
    rows.sink_parquet(path, compression="zstd", compression_level=1, row_group_size=_ROW_GROUP)
    return sum(counts)


def group_stores(
    releases: pl.DataFrame, spec: FeatureSpec, *, start: date, cutoff: date, shard_rows: int
) -> dict[str, tuple[str, ...]]:
    """Pools of stores in their order, each of about `shard_rows` rows; a store is never split.

    The name begins with the pool's number and holds what a file name may of its first store.
    """
    age = (pl.lit(cutoff) - pl.max_horizontal("release", pl.lit(start))).dt.total_days() // spec.period_days + 1
    sizes = releases.group_by("store_id").agg(rows=age.sum()).sort("store_id")
    groups: list[list[str]] = []
    filled = shard_rows
    for store, rows in sizes.iter_rows():
        if filled + rows > shard_rows:
            groups.append([])
            filled = 0
        groups[-1].append(store)
        filled += rows
    slugs = (re.sub(r"[^A-Za-z0-9_-]", "_", group[0])[:40] for group in groups)
    return {
        f"{number:02d}-{slug}": tuple(group) for number, (slug, group) in enumerate(zip(slugs, groups, strict=True))
    }
