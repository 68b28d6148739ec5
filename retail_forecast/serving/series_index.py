"""Which rows of a table are a series', in arrays: a series is a number, and only the names are texts."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping, ValuesView
from typing import Any

import numpy as np
import polars as pl

Series = tuple[str, str]


class SeriesIndex(Mapping[Series, tuple[int, int]]):
    """Series, in order, to their first row and the one past their last. A series is stored as one number."""

    def __init__(self, stores: list[str], items: list[str], codes: array[int], starts: np.ndarray[Any, Any]) -> None:
        self._store_names, self._item_names, self._codes, self._starts = stores, items, codes, starts
        self._stores = {name: code for code, name in enumerate(stores)}
        self._items = {name: code for code, name in enumerate(items)}

    @classmethod
    def build(cls, series: pl.DataFrame) -> SeriesIndex:
        """From one row per series: store_id, item_id, rows. Raises ValueError unless they ascend."""
        stores, items = (series[key].unique().sort().to_list() for key in ("store_id", "item_id"))
        store, item = (
            series[key].cast(pl.Enum(names)).to_physical().cast(pl.Int64).to_numpy()
            for key, names in (("store_id", stores), ("item_id", items))
        )
        codes = store * len(items) + item
        if (np.diff(codes) <= 0).any():
            at = int(np.argmax(np.diff(codes) <= 0)) + 1
            raise ValueError(f"{series['store_id'][at]!r}, {series['item_id'][at]!r} is not behind the one before it")
        starts = np.concatenate([[0], np.cumsum(series["rows"].to_numpy())])
        return cls(stores, items, array("q", codes.tobytes()), starts)

    def find(self, store_id: str, item_id: str) -> int | None:
        """Position of the series among all, or None."""
        store, item = self._stores.get(store_id), self._items.get(item_id)
        if store is None or item is None:
            return None
        code = store * len(self._item_names) + item
        at = bisect_left(self._codes, code)
        return at if at < len(self._codes) and self._codes[at] == code else None

    @property
    def ends(self) -> np.ndarray[Any, Any]:
        """The row past the last of each series."""
        return self._starts[1:]

    def items_of(self, store_id: str) -> list[str]:
        """The items of a store, in order; none of a store that is unknown."""
        store, count = self._stores.get(store_id), len(self._item_names)
        if store is None:
            return []
        first, last = (bisect_left(self._codes, code) for code in (store * count, (store + 1) * count))
        return [self._item_names[code - store * count] for code in self._codes[first:last]]

    def items_by_store(self) -> dict[str, int]:
        """How many items each store has, in the order of stores."""
        store = np.frombuffer(self._codes, np.int64) // len(self._item_names)
        return dict(zip(self._store_names, np.bincount(store).tolist(), strict=True))

    def position(self, series: Series) -> int:
        """Position of the series among all. Raises KeyError."""
        at = self.find(*series)
        if at is None:
            raise KeyError(series)
        return at

    def __getitem__(self, series: Series) -> tuple[int, int]:
        at = self.position(series)
        return int(self._starts[at]), int(self._starts[at + 1])

    def values(self) -> ValuesView[tuple[int, int]]:
        """As of every mapping, without looking each series up."""
        return _Spans(self)

    def __contains__(self, series: object) -> bool:
        return isinstance(series, tuple) and len(series) == 2 and self.find(*series) is not None

    def __iter__(self) -> Iterator[Series]:
        for code in self._codes:
            store, item = divmod(code, len(self._item_names))
            yield self._store_names[store], self._item_names[item]

    def __len__(self) -> int:
        return len(self._codes)


class _Spans(ValuesView[tuple[int, int]]):
    _mapping: SeriesIndex

    def __iter__(self) -> Iterator[tuple[int, int]]:
        ends = self._mapping.ends.tolist()
        return zip([0, *ends], ends, strict=False)
