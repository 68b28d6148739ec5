"""A vintage's forecasts in memory: a lookup by series."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

DECIMALS = 4
Series = tuple[str, str]


@dataclass(frozen=True)
class ForecastTable:
    """Forecasts as arrays, rows ordered by series and date; `spans` says which rows are a series'."""

    spans: dict[Series, tuple[int, int]]
    dates: list[str]
    leads: list[int]
    values: np.ndarray[Any, np.dtype[np.float64]]
    quantile_names: list[str]
    spreads: np.ndarray[Any, np.dtype[np.float32]]
    cold_starts: frozenset[Series] = frozenset()

    @classmethod
    def build(cls, forecasts: pl.DataFrame, quantiles: tuple[float, ...]) -> ForecastTable:
        """The table of a frame with one row per series and period: store_id, item_id, date, lead, mean, q…, basis."""
        frame = forecasts.sort("store_id", "item_id", "date")
        new = frame.filter(pl.col("basis").cast(pl.String) == "cold_start").select("store_id", "item_id")
        columns = ["mean", *(f"q{q:g}" for q in quantiles)]
        values = frame.select(pl.col(columns).cast(pl.Float64)).to_numpy()
        return cls(
            spans=series_spans(frame),
            dates=frame["date"].cast(pl.String).to_list(),
            leads=frame["lead"].to_list(),
            values=np.round(values, DECIMALS) + 0.0,  # no negative zero
            quantile_names=[f"{q:g}" for q in quantiles],
            spreads=frame["spread"].to_numpy(),
            cold_starts=frozenset(new.unique().iter_rows()),
        )

    def basis(self, series: Series) -> str:
        """What the series' forecasts rest on."""
        return "cold_start" if series in self.cold_starts else "history"

    def rows(self, series: Series) -> list[dict[str, Any]]:
        """One dict per period of the series. Raises KeyError."""
        first, last = self.spans[series]
        estimates = estimates_of(self.values[first:last], self.quantile_names)
        return [
            {"date": day, "lead": lead, **estimate}
            for day, lead, estimate in zip(self.dates[first:last], self.leads[first:last], estimates, strict=True)
        ]

    @cached_property
    def stores(self) -> dict[str, int]:
        """How many items each store has."""
        return dict(sorted(Counter(store for store, _ in self.spans).items()))

    def items(self, store_id: str) -> list[str]:
        """The items of a store, in order."""
        return sorted(item for store, item in self.spans if store == store_id)

    def nearest_stores(self, store_id: str) -> list[str]:
        """Stores whose names resemble the one given."""
        return get_close_matches(store_id, self.stores, n=3)

    def nearest_items(self, store_id: str, item_id: str) -> list[str]:
        """Items of the store whose names resemble the one given."""
        return get_close_matches(item_id, self.items(store_id)[:10_000], n=3)


def estimates_of(values: np.ndarray[Any, np.dtype[np.float64]], quantile_names: list[str]) -> list[dict[str, Any]]:
    """One {mean, quantiles} per row of `values` [N, 1 + Q]."""
    return [
        {"mean": mean, "quantiles": dict(zip(quantile_names, quantiles, strict=True))}
        for mean, *quantiles in values.tolist()
    ]


def series_spans(frame: pl.DataFrame) -> dict[Series, tuple[int, int]]:
    """First row and the one past the last of each series, in a frame where a series' rows are together."""
    runs = frame.with_row_index("row").group_by("store_id", "item_id", maintain_order=True)
    bounds = runs.agg(first=pl.col("row").min(), last=pl.col("row").max() + 1)
    return {(store, item): (first, last) for store, item, first, last in bounds.iter_rows()}
