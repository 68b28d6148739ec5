"""What a backtest is scored against, as a folder that can travel to wherever training runs.

sales.parquet              store_id, item_id, date, units_sold up to the cutoff
attributes/<table>.parquet attributes of stores and items
prices.parquet             sell_price, where the dataset has it
history.json               levels of aggregation and quantiles
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from retail_forecast.dataset import KEYS, Dataset
from retail_forecast.errors import NotFoundError
from retail_forecast.lake.tables import Lake
from retail_forecast.models.bundle import write_json
from retail_forecast.pipeline.accuracy import scoring_inputs


@dataclass(frozen=True)
class History:
    """The yardsticks of a backtest. `sales` has one row per series and period."""

    sales: pl.LazyFrame
    attributes: dict[str, pl.LazyFrame]
    prices: pl.LazyFrame | None
    levels: tuple[tuple[str, ...], ...]
    quantiles: tuple[float, ...]


def write_history(lake: Lake, dataset: Dataset, folder: Path, *, cutoff: date) -> Path:
    """Writes the folder from the lake's tables; sales after the cutoff stay out."""
    sales = lake.table("sales").scan(until=cutoff)
    if sales is None:
        raise NotFoundError(f"Sales until {cutoff}", fix="Deliver sales of earlier periods, or move the cutoff later.")
    inputs = scoring_inputs(lake, dataset)
    (folder / "attributes").mkdir(parents=True, exist_ok=True)
    sales.select(*KEYS, "units_sold").sink_parquet(folder / "sales.parquet", compression="zstd", compression_level=1)
    for name, rows in inputs.attributes.items():
        rows.sink_parquet(folder / "attributes" / f"{name}.parquet")
    if inputs.prices is not None:
        inputs.prices.sink_parquet(folder / "prices.parquet")
    levels = [list(level) for level in inputs.levels]
    write_json(folder / "history.json", {"levels": levels, "quantiles": list(dataset.quantiles)})
    return folder


def read_history(folder: Path) -> History:
    """The history in a folder that `write_history` wrote."""
    described = json.loads((folder / "history.json").read_text(encoding="utf-8"))
    prices = folder / "prices.parquet"
    return History(
        sales=pl.scan_parquet(folder / "sales.parquet"),
        attributes={file.stem: pl.scan_parquet(file) for file in sorted((folder / "attributes").glob("*.parquet"))},
        prices=pl.scan_parquet(prices) if prices.exists() else None,
        levels=tuple(tuple(level) for level in described["levels"]),
        quantiles=tuple(described["quantiles"]),
    )
