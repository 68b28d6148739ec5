"""A lake to serve from: the vintage in force of a home, and one of many more series, its stores under new names."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import polars as pl

from benchmarks.measure import Result
from retail_forecast.lake import Lake, open_lake
from retail_forecast.lake.vintages import (
    Vintage,
    fetch_bundle,
    fetch_forecasts,
    fetch_scenario_features,
    latest_vintage,
)

ROWS_AT_ONCE = 8192


def copy_vintages(home: str, folder: str, series: int) -> Result:
    """Fills `folder` with a lake; the ids of the vintage as it is, and of the one with at least so many series."""
    lake, own = open_lake((Path(home) / "lake").resolve().as_uri()), Path(folder) / "lake"
    vintage = latest_vintage(lake)
    if vintage is None:
        raise SystemExit(f"{home} has no forecasts; `retail-forecast demo --exit` makes some.")
    source = lake.store.folder
    if source is None:
        raise SystemExit(f"The lake of {home} is not a folder.")
    shutil.copytree(source / "vintages" / vintage.id, own / "vintages" / vintage.id)
    large = _grow(lake, vintage, own, -(-series // vintage.series)) if series else None
    return {"vintage": vintage.id, "large": large, "series": vintage.series}


def _grow(lake: Lake, vintage: Vintage, own: Path, copies: int) -> str:
    """The vintage with every store `copies` times."""
    id = f"{vintage.id}-x{copies}"
    target = own / "vintages" / id
    shutil.copytree(fetch_bundle(lake, vintage.id, target), target / "bundle")
    for name, fetch in (("forecasts", fetch_forecasts), ("scenario_features", fetch_scenario_features)):
        rows = pl.scan_parquet(fetch(lake, vintage.id, target))
        _copied(rows, copies).sink_parquet(target / f"{name}.parquet", row_group_size=ROWS_AT_ONCE)
    levels = own / "vintages" / vintage.id / "level_forecasts.parquet"
    if levels.exists():
        shutil.copy(levels, target)
    grown = replace(vintage, id=id, rows=copies * vintage.rows, series=copies * vintage.series, history=0)
    (target / "vintage.json").write_text(json.dumps(asdict(grown)), encoding="utf-8")
    return id


def _copied(rows: pl.LazyFrame, copies: int) -> pl.LazyFrame:
    """In the order of stores: CA_1, CA_1+01, CA_1+02, …"""
    stores = rows.select(pl.col("store_id").unique()).collect().to_series().to_list()
    named = sorted((f"{store}+{copy:02}" if copy else store, store) for store in stores for copy in range(copies))
    parts = [rows.filter(store_id=old).with_columns(store_id=pl.lit(new)) for new, old in named]
    return pl.concat(parts)
