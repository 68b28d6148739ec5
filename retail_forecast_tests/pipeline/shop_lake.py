"""A lake with the sales of three stores over some months: enough to train, backtest and forecast within seconds."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from retail_forecast.dataset import Dataset, parse_dataset
from retail_forecast.lake import Lake, open_lake
from retail_forecast.lake.tables import Input, NewPart
from retail_forecast.models import Recipe
from retail_forecast.pipeline.features import build_training_features

START = date(2024, 1, 1)
DAYS = 130
CUTOFF = START + timedelta(days=109)
HORIZON = 7
STORES, ITEMS = ("A", "B", "C"), ("x", "y", "z")
RECIPE = Recipe(window_periods=80, group_window_periods=80, trees=15, learning_rate=0.2, leaves=7)


def shop_dataset() -> Dataset:
    """Daily sales a week ahead, with prices known in advance and a department per item."""
    prices = {"values": {"sell_price": "float"}, "known_future": ["sell_price"], "carry_forward": True}
    items = {"keys": ["item_id"], "values": {"department": "category"}}
    plain = {"name": "shop", "frequency": "1d", "start_date": START, "horizon": HORIZON}
    return parse_dataset(
        {**plain, "quantiles": [0.1, 0.5, 0.9], "tables": {"sales": {}, "prices": prices, "items": items}}
    )


def shop_sales(*, spoil_after: date | None = None, days: int = DAYS) -> pl.DataFrame:
    """One row per series and day: weekends sell twice; z of store C sells from day 100 on. Spoilt days sell 999."""
    random = np.random.default_rng(1)
    dates = [START + timedelta(days=n) for n in range(days)]
    keys = [(day, store, item) for day in dates for store in STORES for item in ITEMS]
    level = [(2 + STORES.index(s) + 3 * ITEMS.index(i)) * (1 + (day.weekday() > 4)) for day, s, i in keys]
    rows = pl.DataFrame(keys, schema=["date", "store_id", "item_id"], orient="row").with_columns(
        units_sold=pl.Series(random.poisson(level), dtype=pl.Float32)
    )
    new = (pl.col("store_id") == "C") & (pl.col("item_id") == "z") & (pl.col("date") < START + timedelta(days=100))
    rows = rows.with_columns(units_sold=pl.when(new).then(0).otherwise("units_sold"))
    if spoil_after is not None:
        rows = rows.with_columns(units_sold=pl.when(pl.col("date") > spoil_after).then(999).otherwise("units_sold"))
    return rows.select("store_id", "item_id", "date", pl.col("units_sold").cast(pl.Float32)).sort(
        "store_id", "item_id", "date"
    )


def shop_lake(folder: Path, sales: pl.DataFrame | None = None) -> Lake:
    """The lake; each day's part names the file that it came from."""
    lake = open_lake((folder / "lake").as_uri())
    rows = shop_sales() if sales is None else sales
    publish_sales(lake, rows)
    prices = [(store, item, START, 2.0 + ITEMS.index(item)) for store in STORES for item in ITEMS]
    schema = ["store_id", "item_id", "date", "sell_price"]
    typed = pl.DataFrame(prices, schema=schema, orient="row").with_columns(pl.col("sell_price").cast(pl.Float32))
    lake.table("prices").publish({"all": NewPart(typed, (_input("prices/prices.csv", typed.height),))})
    items = pl.DataFrame({"item_id": ITEMS, "department": ["food", "food", "toys"]})
    lake.table("items").publish({"all": NewPart(items, (_input("items/items.csv", items.height),))})
    return lake


def publish_sales(lake: Lake, rows: pl.DataFrame) -> None:
    """Publishes the days of `rows`."""
    parts = {
        day.isoformat(): NewPart(frame, (_input(f"sales/{day}.csv", frame.height),))
        for (day,), frame in rows.partition_by("date", as_dict=True, maintain_order=True).items()
    }
    lake.table("sales").publish(parts)


def training_folder(lake: Lake, *, cutoff: date = CUTOFF, recipe: Recipe = RECIPE) -> Path:
    """The training set with a pool per store."""
    made = build_training_features(lake, shop_dataset(), cutoff=cutoff, recipe=recipe, workers=1, shard_rows=1)
    return Path(lake.store.url_of(f"features/{made.fingerprint}"))


def _input(name: str, rows: int) -> Input:
    return Input(name, f"tag-{name}", 100, "0" * 64, rows)
