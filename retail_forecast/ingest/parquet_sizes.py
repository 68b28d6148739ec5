"""The sizes that a Parquet file states, read before Polars believes them.

A damaged size makes a reader ask for terabytes, and that ends the process: no exception, and no daemon any more. So
the footer and the page headers (Thrift's compact protocol, https://parquet.apache.org/docs/file-format/) are read here
first, and a file whose sizes do not agree with each other is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
_INTEGERS = (4, 5, 6)
_DEEPEST = 16


class BrokenParquetError(ValueError):
    """The sizes in the file contradict each other."""


def measure_parquet(data: bytes) -> tuple[int, int]:
    """Rows and decompressed bytes of the file, from its footer. Raises BrokenParquetError."""
    length = int.from_bytes(data[-8:-4], "little")
    if len(data) < 12 or data[:4] != b"PAR1" or data[-4:] != b"PAR1" or not 0 < length <= len(data) - 12:
        raise BrokenParquetError("its beginning, end or footer is missing")
    try:
        footer = _Thrift(data, len(data) - 8 - length).struct()
        rows, groups = footer[3], footer[4]
        chunks = [chunk[3] for group in groups for chunk in group[1]]
        if rows != sum(group[3] for group in groups) or rows < 0:
            raise BrokenParquetError("its numbers of rows do not agree")
        return rows, sum(_measure_chunk(data, chunk) for chunk in chunks)
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise BrokenParquetError("its footer or a page header is damaged") from error


def _measure_chunk(data: bytes, chunk: dict[int, Any]) -> int:
    values, whole, packed = chunk[5], chunk[6], chunk[7]
    start = min(chunk[9], chunk.get(11) or chunk[9])
    if min(values, whole, packed) < 0 or not 4 <= start <= start + packed <= len(data):
        raise BrokenParquetError("a column lies outside the file")
    seen = 0
    for page in _pages(data, start, start + packed):
        if page.size > whole or page.values > max(values, whole) or page.values < 0:
            raise BrokenParquetError("a page is larger than its column")
        seen += page.values if page.holds_rows else 0
    if seen != values:
        raise BrokenParquetError(f"a column has {seen:,} of its {values:,} values")
    return int(whole)


@dataclass(frozen=True)
class _Page:
    """One page; `size` in bytes after decompression."""

    size: int
    values: int
    holds_rows: bool


def _pages(data: bytes, at: int, end: int) -> Iterator[_Page]:
    while at < end:
        reader = _Thrift(data, at)
        header = reader.struct()
        size, packed = header[2], header[3]
        at = reader.at + packed
        if size < 0 or packed < 0 or at > end:
            raise BrokenParquetError("a page lies outside its column")
        detail = header.get(5) or header.get(8) or header.get(7)
        if detail is not None:
            yield _Page(size, detail[1], holds_rows=7 not in header)


class _Thrift:
    """Reads structs of the compact protocol as {field id: value}."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at

    def struct(self, depth: int = 0) -> dict[int, Any]:
        if depth > _DEEPEST:
            raise BrokenParquetError("its footer is nested without end")
        fields: dict[int, Any] = {}
        field = 0
        while head := self._byte():
            step, kind = head >> 4, head & 15
            field = field + step if step else self._integer()
            fields[field] = kind == _TRUE if kind in (_TRUE, _FALSE) else self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in _INTEGERS:
            return self._integer()
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind in (_LIST, _SET):
            return self._list(depth)
        if kind in (_BYTE, _TRUE, _FALSE):
            return self._byte()
        if kind in (_BINARY, _DOUBLE):
            return self._skip(8 if kind == _DOUBLE else self._varint())
        raise BrokenParquetError(f"its footer holds a value of unknown kind {kind}")

    def _list(self, depth: int) -> list[Any]:
        head = self._byte()
        count = self._varint() if head >> 4 == 15 else head >> 4
        if count > len(self.data) - self.at:
            raise BrokenParquetError("a list in its footer is longer than the file")
        return [self._value(head & 15, depth + 1) for _ in range(count)]

    def _skip(self, count: int) -> None:
        if count > len(self.data) - self.at:
            raise BrokenParquetError("a text in its footer is longer than the file")
        self.at += count

    def _byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def _varint(self) -> int:
        number = shift = 0
        while True:
            byte = self._byte()
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return number
            if shift > 63:
                raise BrokenParquetError("a number in its footer is too long")

    def _integer(self) -> int:
        zigzag = self._varint()
        return (zigzag >> 1) ^ -(zigzag & 1)
