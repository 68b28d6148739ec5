"""Writing to the landing: what holds the same content already is not touched, so nothing downstream stirs."""

from __future__ import annotations

import io
from typing import Literal

import polars as pl

from retail_forecast.errors import NotFoundError
from retail_forecast.lake.stores import Store

Outcome = Literal["new", "changed", "unchanged"]


def land(landing: Store, path: str, data: bytes) -> Outcome:
    """Writes the object unless it holds these bytes already."""
    old = _read(landing, path)
    if old == data:
        return "unchanged"
    landing.write(path, data)
    return "new" if old is None else "changed"


def land_parquet(landing: Store, path: str, frame: pl.DataFrame) -> Outcome:
    """Lands the frame as a Parquet file, unless the object holds the same rows already.

    Rows are compared where bytes differ: another release of Polars encodes the same rows differently.
    """
    sink = io.BytesIO()
    frame.rechunk().write_parquet(sink, statistics=False)
    old = _read(landing, path)
    if old is not None and (old == sink.getvalue() or _holds(old, frame)):
        return "unchanged"
    landing.write(path, sink.getvalue())
    return "new" if old is None else "changed"


def land_csv(landing: Store, path: str, frame: pl.DataFrame) -> Outcome:
    """Lands the frame as a CSV file with our column names."""
    return land(landing, path, frame.write_csv().encode())


def _read(landing: Store, path: str) -> bytes | None:
    try:
        return landing.read(path)
    except NotFoundError:
        return None


def _holds(data: bytes, frame: pl.DataFrame) -> bool:
    try:
        old = pl.read_parquet(io.BytesIO(data))
    except pl.exceptions.PolarsError:
        return False
    return old.schema == frame.schema and old.equals(frame)
