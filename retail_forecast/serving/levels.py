"""A vintage's forecasts above the series in memory: a lookup by level and group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
import polars as pl

from retail_forecast.evaluation.hierarchy import level_columns
from retail_forecast.lake import Lake
from retail_forecast.lake.vintages import Vintage, scan_all_level_forecasts
from retail_forecast.serving.table import DECIMALS, estimates_of

SERIES_LEVEL = "store_id/item_id"
_RESEMBLING = 10_000


@dataclass(frozen=True)
class LevelGroups:
    """The groups of one level in the order of their names, and where the rows of each begin and end."""

    names: pl.Series
    bounds: np.ndarray[Any, np.dtype[np.int64]]

    def find(self, group: str) -> int | None:
        """The place of a group; None if there is none of that name."""
        place = int(self.names.search_sorted(group)) if len(self.names) else 0
        return place if place < len(self.names) and self.names[place] == group else None


@dataclass(frozen=True)
class LevelTable:
    """Forecasts of every level above the series as arrays, rows ordered by level, group and date."""

    groups: Mapping[str, LevelGroups]
    dates: pl.Series
    leads: np.ndarray[Any, np.dtype[np.int16]]
    values: np.ndarray[Any, np.dtype[np.float32]]
    quantile_names: list[str]

    @classmethod
    def read(cls, lake: Lake, vintage: Vintage) -> LevelTable:
        """The table of a published vintage; an older one may have no levels."""
        rows = scan_all_level_forecasts(lake, vintage)
        return cls.build(rows.collect() if rows is not None else _EMPTY, vintage.quantiles)

    @classmethod
    def build(cls, rows: pl.DataFrame, quantiles: tuple[float, ...]) -> LevelTable:
        """The table of a frame with one row per level, group and period: level, group, date, lead, mean, q…."""
        frame = rows.sort("level", "group", "date")
        columns = ["mean", *(f"q{q:g}" for q in quantiles)] if rows.height else []
        return cls(
            groups=dict(_groups(frame)),
            dates=frame["date"],
            leads=frame["lead"].to_numpy(),
            values=frame.select(pl.col(columns).cast(pl.Float32)).to_numpy(),
            quantile_names=[f"{q:g}" for q in quantiles],
        )

    @property
    def names(self) -> list[str]:
        """The levels, from the fewest groups to the most."""
        return sorted(self.groups, key=lambda name: (len(self.groups[name].names), len(level_columns(name)), name))

    def rows(self, level: str, group: str) -> list[dict[str, Any]]:
        """One dict per period of the group. Raises KeyError."""
        groups = self.groups[level]
        place = groups.find(group)
        if place is None:
            raise KeyError(group)
        first, last = groups.bounds[place : place + 2]
        values: np.ndarray[Any, np.dtype[np.float64]] = self.values[first:last].astype(np.float64)
        values = values.round(DECIMALS) + 0.0  # no negative zero
        days = [day.isoformat() for day in self.dates[int(first) : int(last)]]
        estimates = estimates_of(values, self.quantile_names)
        return [
            {"date": day, "lead": lead, **estimate}
            for day, lead, estimate in zip(days, self.leads[first:last].tolist(), estimates, strict=True)
        ]

    def nearest(self, level: str, group: str) -> list[str]:
        """Groups of the level whose names resemble the one given."""
        return get_close_matches(group, self.groups[level].names.head(_RESEMBLING).to_list(), n=3)


_EMPTY = pl.DataFrame(schema={"level": pl.String, "group": pl.String, "date": pl.Date, "lead": pl.Int16})


def _groups(frame: pl.DataFrame) -> Iterator[tuple[str, LevelGroups]]:
    """Each level's groups, of a frame that is sorted by level, group and date."""
    counts = frame.group_by("level", "group", maintain_order=True).len()
    ends = np.cumsum(counts["len"].to_numpy(), dtype=np.int64)
    bounds, start = np.concatenate([[0], ends]), 0
    for (level,), of_level in counts.partition_by("level", as_dict=True, maintain_order=True).items():
        stop = start + of_level.height
        yield str(level), LevelGroups(of_level["group"], bounds[start : stop + 1])
        start = stop
