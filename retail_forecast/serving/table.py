"""A vintage's forecasts: a lookup by series. The numbers stay on disk, mapped into memory, until somebody asks."""

from __future__ import annotations

import os
import weakref
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import get_close_matches
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import polars as pl

from retail_forecast.serving.encoding import DECIMALS
from retail_forecast.serving.pack import open_pack
from retail_forecast.serving.packing import ANSWERS, DAYS, LEADS, SERIES, SPREADS, VALUES, UnsoundVintageError
from retail_forecast.serving.series_index import Series, SeriesIndex

__all__ = ["DECIMALS", "ForecastTable", "Series", "estimates_of"]

Array = np.ndarray[Any, Any]
T = TypeVar("T")
_EPOCH = date(1970, 1, 1)
_LOOKALIKES = 100  # names before and behind the one that was not found: comparing all would hold lookups up


@dataclass(frozen=True)
class Decoded(Generic[T]):
    """A mapped column, of which a slice is made into plain values when it is read."""

    stored: Array
    decode: Callable[[Array], T]

    def __getitem__(self, rows: slice) -> T:
        return self.decode(self.stored[rows])


class EncodedAnswers:
    """The encoded answers of all series, read from a file that the kernel keeps in memory for all replicas."""

    def __init__(self, file: int, ends: Array) -> None:
        self._file, self._ends = file, ends

    def __getitem__(self, position: int) -> bytes:
        start = int(self._ends[position - 1]) if position else 0
        return os.pread(self._file, int(self._ends[position]) - start, start)


@dataclass(frozen=True)
class ForecastTable:
    """Forecasts as arrays, rows ordered by series and date; `spans` says which rows are a series'.

    values: mean and quantiles [N, 1 + Q]. answers: contracts.SeriesForecast as JSON, by the series' position.
    """

    spans: SeriesIndex
    dates: Decoded[list[str]]
    leads: Decoded[list[int]]
    values: Array
    quantile_names: list[str]
    spreads: Array
    cold_starts: Array
    answers: EncodedAnswers

    @classmethod
    def open(cls, forecasts: Path, quantiles: tuple[float, ...], root: Path | None = None) -> ForecastTable:
        """The table of a forecasts.parquet (see `pack.open_pack`). Raises UnsoundVintageError, OSError."""
        pack = open_pack(forecasts, quantiles, root)
        try:
            table = cls._of(pack.folder, quantiles)
        except BaseException:
            pack.close()
            raise
        weakref.finalize(table, pack.close)
        return table

    @classmethod
    def _of(cls, folder: Path, quantiles: tuple[float, ...]) -> ForecastTable:
        series = pl.read_ipc(folder / SERIES)
        try:
            spans = SeriesIndex.build(series)
        except ValueError as error:
            raise UnsoundVintageError(
                f"The vintage is not in the order of series: {error}. Publish it again."
            ) from error
        file = os.open(folder / ANSWERS, os.O_RDONLY)
        answers = EncodedAnswers(file, np.cumsum(series["bytes"].to_numpy()))
        weakref.finalize(answers, os.close, file)
        values = _mapped(folder / VALUES, np.float64).reshape(-1, 1 + len(quantiles))
        return cls(
            spans=spans,
            dates=Decoded(_mapped(folder / DAYS, np.int32), _iso_dates),
            leads=Decoded(_mapped(folder / LEADS, np.int16), lambda leads: leads.tolist()),
            values=values,
            quantile_names=[f"{quantile:g}" for quantile in quantiles],
            spreads=_mapped(folder / SPREADS, np.float32),
            cold_starts=(series["basis"] == "cold_start").to_numpy(),
            answers=answers,
        )

    def basis(self, series: Series) -> str:
        """What the series' forecasts rest on."""
        position = self.spans.find(*series)
        return "cold_start" if position is not None and self.cold_starts[position] else "history"

    def rows(self, series: Series) -> list[dict[str, Any]]:
        """One dict per period of the series. Raises KeyError."""
        first, last = self.spans[series]
        estimates = estimates_of(self.values[first:last], self.quantile_names)
        return [
            {"date": day, "lead": lead, **estimate}
            for day, lead, estimate in zip(self.dates[first:last], self.leads[first:last], estimates, strict=True)
        ]

    def has_rows_of(self, other: pl.LazyFrame) -> bool:
        """Whether `other` has a row per series and date of the table, in the same order."""
        keys = other.select("date", series=pl.struct("store_id", "item_id")).collect()
        if keys.height != len(self.values):
            return False
        ends = self.spans.ends
        starts = np.concatenate([[0], ends[:-1]])
        changes = keys["series"].rle_id().diff().fill_null(1).to_numpy()
        same_days = np.array_equal(keys["date"].to_physical().to_numpy(), self.dates.stored)
        same_runs = np.array_equal(np.flatnonzero(changes), starts)
        if not (same_days and same_runs):
            return False
        names = keys["series"].gather(starts).struct.unnest()
        return all(series == name for series, name in zip(self.spans, names.iter_rows(), strict=True))

    @cached_property
    def stores(self) -> dict[str, int]:
        """How many items each store has."""
        return self.spans.items_by_store()

    def items(self, store_id: str) -> list[str]:
        """The items of a store, in order."""
        return self.spans.items_of(store_id)

    def nearest_stores(self, store_id: str) -> list[str]:
        """Stores whose names resemble the one given."""
        return get_close_matches(store_id, _around(store_id, list(self.stores)), n=3)

    def nearest_items(self, store_id: str, item_id: str) -> list[str]:
        """Items of the store whose names resemble the one given."""
        return get_close_matches(item_id, _around(item_id, self.items(store_id)), n=3)


def estimates_of(values: Array, quantile_names: list[str]) -> list[dict[str, Any]]:
    """One {mean, quantiles} per row of `values` [N, 1 + Q]."""
    return [
        {"mean": mean, "quantiles": dict(zip(quantile_names, quantiles, strict=True))}
        for mean, *quantiles in values.tolist()
    ]


def _mapped(file: Path, dtype: type[np.number[Any]]) -> Array:
    """The array that a file is, mapped into memory; a plain one, for slices of np.memmap cost more than lookups."""
    return np.asarray(np.memmap(file, dtype, "r"))


def _iso_dates(days: Array) -> list[str]:
    return [_iso_date(day) for day in days.tolist()]


@lru_cache(maxsize=4096)
def _iso_date(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).isoformat()


def _around(name: str, names: list[str]) -> list[str]:
    at = bisect_left(names, name)
    return names[max(0, at - _LOOKALIKES) : at + _LOOKALIKES]
