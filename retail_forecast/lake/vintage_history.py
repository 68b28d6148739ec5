"""The past beside a vintage's forecasts: `vintages/<id>/history/`.

units_sold.parquet           one row per level and group, the series among them: level, group, units_sold (a list: one
                             value per period up to the cutoff, null where nothing is known)
covariates/<table>.parquet   the rows of a table of known-future values that hold in these periods, sorted by its keys

A chart asks for one row: it is found by the statistics of small row groups, and nothing is held in memory.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from retail_forecast.errors import NotFoundError
from retail_forecast.lake.tables import Lake

FOLDER = "history"
UNITS_SOLD = "units_sold.parquet"
COVARIATES = "covariates"
_GROUPS_AT_ONCE = 256  # 371 days of so many take 2 ms to read
_ROWS_AT_ONCE = 8192


@dataclass(frozen=True)
class History:
    """What is kept of the past; see the module."""

    units_sold: pl.DataFrame
    covariates: Mapping[str, pl.DataFrame]


def write_history(lake: Lake, folder: str, history: History) -> None:
    """Writes the history into the folder of a vintage."""
    base = f"{folder}/{FOLDER}"
    lake.store.write(f"{base}/{UNITS_SOLD}", _bytes(history.units_sold, _GROUPS_AT_ONCE))
    for table, rows in history.covariates.items():
        lake.store.write(f"{base}/{COVARIATES}/{table}.parquet", _bytes(rows, _ROWS_AT_ONCE))


def fetch_history(lake: Lake, id: str, target: Path) -> Path:
    """The history of a vintage as a folder of this machine; `target` receives a download where the lake is not local.

    Raises NotFoundError if the vintage was published without.
    """
    path = f"vintages/{id}/{FOLDER}"
    if not lake.store.exists(f"{path}/{UNITS_SOLD}"):
        raise NotFoundError(f"The history of vintage {id}", fix="Publish forecasts again.")
    if lake.store.folder is not None:
        return lake.store.folder / path
    lake.store.download_folder(path, target)
    return target


def _bytes(frame: pl.DataFrame, rows_at_once: int) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", compression_level=1, row_group_size=rows_at_once, statistics=True)
    return buffer.getvalue()
