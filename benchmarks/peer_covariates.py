"""What mlforecast learns from beside sales: attributes and known-future values, as columns of numbers."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from benchmarks.data import read_table
from retail_forecast.dataset import Dataset, Table


def static_values(folder: Path, dataset: Dataset, series: pl.DataFrame) -> pl.DataFrame:
    """One row per series: unique_id, then codes of store_id, item_id and every attribute."""
    rows = series
    for name, table in dataset.attributes():
        rows = rows.join(read_table(folder, name).collect(), on=list(table.keys), how="left")
    text = [name for name, kind in rows.schema.items() if kind == pl.String]
    return rows.with_columns((pl.col(text).rank("dense") - 1).cast(pl.Int32)).sort("unique_id")


def add_covariates(folder: Path, dataset: Dataset, series: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows (unique_id, ds, …) with every known-future value; text as a code that is the same in any frame."""
    keyed = rows.select("unique_id", "ds").join(series, on="unique_id", how="left", maintain_order="left")
    keyed = keyed.rename({"ds": "date"})
    for name, table in dataset.covariates():
        if table.known_future:
            keyed = _joined(keyed, table, _numbers(read_table(folder, name).collect(), table))
    known = [name for _, table in dataset.covariates() for name in table.known_future]
    return pl.concat([rows, keyed.select(known)], how="horizontal")


def _numbers(values: pl.DataFrame, table: Table) -> pl.DataFrame:
    text = [name for name in table.known_future if table.values[name] == "category"]
    codes = (pl.col(text).rank("dense") - 1).fill_null(-1).cast(pl.Int32)
    others = pl.col([name for name in table.known_future if name not in text]).cast(pl.Float32)
    return values.select(*table.keys, *table.known_future).with_columns(codes, others)


def _joined(rows: pl.DataFrame, table: Table, values: pl.DataFrame) -> pl.DataFrame:
    if not table.carry_forward:
        return rows.join(values, on=list(table.keys), how="left", maintain_order="left")
    by = [key for key in table.keys if key != "date"]
    placed = rows.with_row_index("_row").sort("date")
    found = placed.join_asof(values.sort("date"), on="date", by=by, check_sortedness=False)
    return found.sort("_row").drop("_row")
