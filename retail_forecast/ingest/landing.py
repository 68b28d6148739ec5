"""Writing to the landing: an object whose content is the same already is not touched, so nothing downstream stirs."""

from __future__ import annotations

import io
from typing import Literal

import polars as pl

from retail_forecast.errors import NotFoundError
from retail_forecast.lake.stores import Store

Outcome = Literal["new", "changed", "unchanged"]


def land(landing: Store, path: str, data: bytes) -> Outcome:
    """Writes the object unless it holds these bytes already."""
    try:
        old = landing.read(path)
    except NotFoundError:
        old = None
    if old == data:
        return "unchanged"
    landing.write(path, data)
    return "new" if old is None else "changed"


def land_parquet(landing: Store, path: str, frame: pl.DataFrame) -> Outcome:
    """Lands the frame as a Parquet file; equal frames make equal files."""
    sink = io.BytesIO()
    frame.write_parquet(sink, statistics=False)
    return land(landing, path, sink.getvalue())


def land_csv(landing: Store, path: str, frame: pl.DataFrame) -> Outcome:
    """Lands the frame as a CSV file with our column names."""
    return land(landing, path, frame.write_csv().encode())
