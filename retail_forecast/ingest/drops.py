"""Dropped files, read strictly: a file is taken whole or refused with a reason; nothing is mended in silence.

The dataset's mapping names the columns. Extra columns are ignored; blanks around text are removed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import polars as pl

from retail_forecast.dataset import Dataset, Table
from retail_forecast.ingest.columns import parse_column
from retail_forecast.ingest.files import DEFAULT_LIMITS, Limits, read_raw
from retail_forecast.ingest.rules import check_rows
from retail_forecast.lake.tables import WHOLE
from retail_forecast.schemas import column_types


@dataclass(frozen=True)
class Inspection:
    """What a good drop holds: rows per partition (sales: one per date; every other table: "all")."""

    rows: int
    partitions: dict[str, int]


def read_drop(
    data: bytes,
    path: str,
    table: str,
    dataset: Dataset,
    *,
    known_stores: Collection[str] | None = None,
    today: date | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> pl.DataFrame:
    """One row per key of the table (sales: series and period), with our names and types, sorted by its keys.

    `path` names the file in errors and tells its format; `known_stores`, where given, bound the stores.
    The policy on negative units is applied. Raises BadDropError.
    """
    spec = dataset.table(table)
    sources = {ours: header for ours in _columns(spec) if (header := spec.header_of(ours)) is not None}
    headers = list(dict.fromkeys(sources.values()))
    raw = read_raw(data, path, headers=headers, form=spec.csv, limits=limits)
    types = column_types(dataset, table)
    columns = {
        ours: parse_column(raw[header], _type_of(ours, spec), spec.csv, path) for ours, header in sources.items()
    }
    frame = pl.DataFrame(columns).with_columns(pl.lit(WHOLE).alias(c) for c in types if c not in columns)
    frame = check_rows(frame, path, table, dataset, known_stores=known_stores, today=today)
    return frame.select(pl.col(name).cast(type_) for name, type_ in types.items())


def inspect_drop(
    data: bytes,
    path: str,
    table: str,
    dataset: Dataset,
    *,
    known_stores: Collection[str] | None = None,
    today: date | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Inspection:
    """What a file would bring, found by reading all of it. Raises BadDropError as `read_drop` does."""
    frame = read_drop(data, path, table, dataset, known_stores=known_stores, today=today, limits=limits)
    if table != "sales":
        return Inspection(frame.height, {WHOLE: frame.height})
    days = sorted(frame["date"].value_counts().iter_rows())
    return Inspection(frame.height, {day.isoformat(): rows for day, rows in days})


def _columns(spec: Table) -> list[str]:
    return [*spec.keys, *spec.values]


def _type_of(column: str, spec: Table) -> str:
    if column in spec.keys:
        return "date" if column == "date" else "key"
    return spec.values[column]
