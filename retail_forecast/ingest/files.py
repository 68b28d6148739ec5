"""From the bytes of a dropped file to its raw columns; nothing is guessed, repaired or skipped on the way."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from retail_forecast.dataset import CsvFormat
from retail_forecast.errors import BadDropError
from retail_forecast.ingest.parquet_sizes import BrokenParquetError, measure_parquet

SUFFIXES = (".csv", ".csv.gz", ".parquet")
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_MAGIC = {b"PAR1": "Parquet", b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip or Excel", b"%PDF": "PDF"}
_BROKEN = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, BrokenParquetError)


@dataclass(frozen=True)
class Limits:
    """The largest drop that is read at all; a day of 30,490 series is about 1 MB of CSV.

    `ratio` bounds what a compressed file may grow to (text shrinks 5 to 30 times, a zip bomb 1,000 times).
    """

    file_bytes: int = 1 << 30
    content_bytes: int = 2 << 30
    ratio: int = 200
    rows: int = 50_000_000


DEFAULT_LIMITS = Limits()


def read_raw(data: bytes, path: str, *, headers: Sequence[str], form: CsvFormat, limits: Limits) -> pl.DataFrame:
    """One row per row of the file, in its order, with the columns `headers` only.

    Columns of CSV files are text; columns of Parquet files have their own types. Raises BadDropError.
    """
    if not path.lower().endswith(SUFFIXES):
        found = path.rsplit("/", 1)[-1]
        raise BadDropError(
            object=path,
            reason=f"The ending of {found!r} is unknown.",
            fix=f"Deliver one of {', '.join(SUFFIXES)}.",
        )
    if not data:
        raise BadDropError(object=path, reason="The file is empty (0 bytes).", fix="Deliver it again.")
    _check_size(len(data), limits.file_bytes, path, "bytes")
    if path.lower().endswith(".parquet"):
        return _read_parquet(data, path, headers, limits)
    return _read_csv(_unpack(data, path, limits), path, headers, form, limits)


def _check_size(found: int, limit: int, path: str, unit: str) -> None:
    if found > limit:
        raise BadDropError(
            object=path,
            reason=f"It holds at least {found:,} {unit}; more than {limit:,} are not read.",
            fix="Deliver it in smaller files, one per period if you can, or find out why it is that large.",
        )


def _read_parquet(data: bytes, path: str, headers: Sequence[str], limits: Limits) -> pl.DataFrame:
    try:
        rows, size = measure_parquet(data)
        _check_size(rows, limits.rows, path, "rows")
        _check_size(size, limits.content_bytes, path, "decompressed bytes")
        found = list(pl.read_parquet_schema(io.BytesIO(data)))
        _check_headers(found, headers, path)
        frame = pl.read_parquet(io.BytesIO(data), columns=list(headers))
    except _BROKEN as error:
        raise BadDropError(
            object=path,
            reason=f"It is no complete Parquet file ({_first_line(error)}).",
            fix="It was probably cut off in transfer: deliver it again.",
        ) from error
    return _some_rows(frame, path)


def _unpack(data: bytes, path: str, limits: Limits) -> bytes:
    if not path.lower().endswith(".gz"):
        return data
    most = min(limits.content_bytes, max(limits.ratio * len(data), 1 << 20))
    try:
        with gzip.open(io.BytesIO(data)) as stream:
            text = stream.read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise BadDropError(
            object=path,
            reason=f"It is no complete gzip file ({_first_line(error)}).",
            fix="It was probably cut off in transfer: deliver it again.",
        ) from error
    _check_size(len(text), most, path, f"bytes (from {len(data):,} compressed ones)")
    return text


def _read_csv(data: bytes, path: str, headers: Sequence[str], form: CsvFormat, limits: Limits) -> pl.DataFrame:
    _check_size(len(data), limits.content_bytes, path, "bytes")
    data = data.removeprefix(codecs.BOM_UTF8).rstrip(b"\r\n")
    _check_text(data, path)
    found = _read_header(data, form.delimiter)
    _check_delimiter(found, headers, form.delimiter, path)
    _check_headers(found, headers, path)
    _check_fields(data, len(found), form.delimiter, path)
    try:
        frame = pl.read_csv(io.BytesIO(data), columns=list(headers), separator=form.delimiter, infer_schema=False)
    except _BROKEN as error:
        raise BadDropError(
            object=path,
            reason=f"It is no well-formed CSV file ({_first_line(error)}).",
            fix='Look for a quotation mark that is not closed; inside a field write it twice ("").',
        ) from error
    _check_size(frame.height, limits.rows, path, "rows")
    return _some_rows(frame, path)


def _check_text(data: bytes, path: str) -> None:
    for magic, kind in _MAGIC.items():
        if data.startswith(magic):
            raise BadDropError(
                object=path,
                reason=f"It is called CSV but is a {kind} file.",
                fix=f"Deliver CSV text, or name the file by what it is ({', '.join(SUFFIXES)}).",
            )
    if (at := _first_bad_byte(data)) is not None:
        utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        found = "this is UTF-16" if utf16 else f"byte 0x{data[at]:02x}, perhaps Latin-1"
        raise BadDropError(
            object=path,
            reason=f"Line {data.count(10, 0, at) + 1} is not UTF-8 text ({found}).",
            fix="Export it as UTF-8 and deliver it again.",
        )
    if (zero := data.find(b"\0")) >= 0:
        raise BadDropError(
            object=path,
            reason=f"Line {data.count(10, 0, zero) + 1} holds a zero byte: it is not UTF-8 text (UTF-16?).",
            fix="Export it as UTF-8 and deliver it again.",
        )


def _first_bad_byte(data: bytes, step: int = 1 << 24) -> int | None:
    """Decodes piece by piece, so that a large file is not held twice."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(data), step):
        piece = data[start : start + step]
        try:
            decoder.decode(piece, final=start + step >= len(data))
        except UnicodeDecodeError as error:
            return start + len(piece) - len(error.object) + error.start
    return None


def _read_header(data: bytes, delimiter: str) -> list[str]:
    line = io.BytesIO(data).readline().decode().rstrip("\r\n")
    return next(csv.reader([line], delimiter=delimiter), [])


def _check_delimiter(found: list[str], headers: Sequence[str], expected: str, path: str) -> None:
    if len(found) > 1 or set(headers) <= set(found):
        return
    line = found[0] if found else ""
    counts = {mark: line.count(mark) for mark in _DELIMITERS if mark != expected}
    mark = max(counts, key=lambda mark: counts[mark])
    if counts[mark]:
        named = f"{mark!r} ({_DELIMITERS[mark]})"
        raise BadDropError(
            object=path,
            reason=f"The header {line[:80]!r} is separated by {named}, not by {expected!r}.",
            fix=f"Set csv.delimiter of the table to {mark!r} in dataset.yaml, or deliver with {expected!r}.",
        )


def _check_headers(found: list[str], headers: Sequence[str], path: str) -> None:
    for header in headers:
        if found.count(header) > 1:
            raise BadDropError(
                object=path,
                reason=f"Column {header!r} stands in the header {found.count(header)} times.",
                fix="Rename or remove all but one.",
            )
    if missing := [header for header in headers if header not in found]:
        raise BadDropError(
            object=path,
            reason=f"Column {missing[0]!r} is missing; found {', '.join(map(repr, found)) or 'no columns'}.",
            fix="Deliver it, or map it under columns of the table in dataset.yaml.",
        )


def _check_fields(data: bytes, count: int, delimiter: str, path: str) -> None:
    """Polars fills a line that ends early with nulls; a cut-off file would go unseen."""
    if b'"' in data or (count == 1):
        return
    mark = delimiter.encode()
    if data.count(mark) == (data.count(b"\n") + 1) * (count - 1):
        return
    for number, line in enumerate(io.BytesIO(data), start=1):
        if line.strip() and line.count(mark) != count - 1:
            raise BadDropError(
                object=path,
                reason=f"Line {number} has {line.count(mark) + 1} fields, the header has {count}: "
                f"{line.decode().strip()[:80]!r}.",
                fix="If it is the last line, the file was cut off: deliver it again. Else mend the line.",
            )


def _some_rows(frame: pl.DataFrame, path: str) -> pl.DataFrame:
    if frame.is_empty():
        raise BadDropError(
            object=path, reason="It has a header but no rows.", fix="Deliver it with its rows, or not at all."
        )
    return frame


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:160]
