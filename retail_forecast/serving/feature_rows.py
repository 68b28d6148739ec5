"""The feature rows behind a vintage's forecasts, as the numbers that its model reads; fetched as they are asked for.

A block holds some hundred series. What holds for a series over the whole horizon, or for a store on a day, is kept once
and not on each row: a tenth of the numbers of M5, which fits into memory as a whole. Ratios are worked out anew, so
that other covariates can be put in. Larger vintages keep the blocks that were asked for last.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retail_forecast.models import Bundle
from retail_forecast.models.feature_matrix import Matrix
from retail_forecast.serving.series_index import SeriesIndex

_ROWS = 8192  # a row group of the file
_MOST_BYTES = 96 * 2**20
_Places = NDArray[np.intp]


@dataclass(frozen=True)
class _Part:
    """Columns of the matrix that share an index: row i has `values[index[i]]`."""

    columns: _Places
    values: Matrix
    index: _Places


@dataclass(frozen=True)
class _Block:
    """The rows from `first` on, as one pool encodes them, but for the ratios. alignment: [n], one if there is none."""

    first: int
    parts: tuple[_Part, ...]
    alignment: NDArray[np.float32]

    @property
    def nbytes(self) -> int:
        return self.alignment.nbytes + sum(part.values.nbytes + part.index.nbytes for part in self.parts)


class FeatureRows:
    """The rows of a vintage; safe to be read from several threads."""

    def __init__(
        self,
        rows: pl.LazyFrame,
        bundle: Bundle,
        spans: SeriesIndex,
        *,
        most_bytes: int = _MOST_BYTES,
    ) -> None:
        self._rows, self._bundle, self._most_bytes = rows, bundle, most_bytes
        self._firsts, self._end = np.concatenate([[0], spans.ends[:-1]]), int(spans.ends[-1])
        self._blocks: OrderedDict[tuple[int, str], _Block] = OrderedDict()
        self._lock = threading.Lock()

    def fill(self, out: Matrix, pool: str, span: tuple[int, int]) -> NDArray[np.float32]:
        """Writes the rows of a series [H, F] into `out`, but for the ratios; the alignment of each is returned."""
        block = self._block(span[0] // _ROWS, pool)
        rows = slice(span[0] - block.first, span[1] - block.first)
        for part in block.parts:
            out[:, part.columns] = part.values[part.index[rows]]
        return block.alignment[rows]

    def matrix(self, pool: str, span: tuple[int, int]) -> tuple[Matrix, NDArray[np.float32]]:
        """The rows of a series as published [H, F], and their alignment [H]."""
        out = np.empty((span[1] - span[0], len(self._bundle.columns.position)), dtype=np.float32)
        alignment = self.fill(out, pool, span)
        self._bundle.columns.add_ratios(out)
        return out, alignment

    def _block(self, number: int, pool: str) -> _Block:
        key = number, pool
        with self._lock:
            if key in self._blocks:
                self._blocks.move_to_end(key)
                return self._blocks[key]
        block = self._read(number, pool)
        with self._lock:
            self._blocks[key] = block
            while len(self._blocks) > 1 and sum(one.nbytes for one in self._blocks.values()) > self._most_bytes:
                self._blocks.popitem(last=False)
        return block

    def _read(self, number: int, pool: str) -> _Block:
        """The series that begin within a row group, with all of their rows."""
        begin, stop = np.searchsorted(self._firsts, (number * _ROWS, (number + 1) * _ROWS))
        firsts = self._firsts[begin:stop]
        last = int(self._firsts[stop]) if stop < len(self._firsts) else self._end
        frame = self._rows.slice(int(firsts[0]), last - int(firsts[0])).collect()
        alignment = np.ones(frame.height, dtype=np.float32)
        if "alignment" in frame.columns:
            alignment = frame["alignment"].cast(pl.Float32).to_numpy()
        matrix = np.ascontiguousarray(self._bundle.encode(pool, frame))
        starts = firsts - firsts[0]
        series = np.repeat(np.arange(len(starts)), np.diff([*starts, frame.height]))
        _, cell_firsts, cells = np.unique(_store_days(frame), return_index=True, return_inverse=True)
        parts = self._parts(matrix, [(starts, series), (cell_firsts, cells)])
        return _Block(int(firsts[0]), parts, alignment)

    def _parts(self, matrix: Matrix, entities: list[tuple[_Places, _Places]]) -> tuple[_Part, ...]:
        """The columns by the first of the entities in which they are constant: (first row of each, entity of rows)."""
        bits, parts = matrix.view(np.uint32), []
        left = np.setdiff1d(np.arange(matrix.shape[1]), [ratio for ratio, *_ in self._bundle.columns.ratios])
        for firsts, index in entities:
            constant = (bits[:, left] == bits[:, left][firsts][index]).all(axis=0)
            parts.append(_Part(left[constant], matrix[np.ix_(firsts, left[constant])], index))
            left = left[~constant]
        return (*parts, _Part(left, np.ascontiguousarray(matrix[:, left]), np.arange(len(matrix))))


def _store_days(frame: pl.DataFrame) -> NDArray[np.int64]:
    """A number per row that is the same for the rows of a store on a day."""
    store, day = frame["store_id"].rle_id().cast(pl.Int64), frame["date"].to_physical().cast(pl.Int64)
    return np.asarray(store.to_numpy() * 2**32 + day.to_numpy(), dtype=np.int64)
