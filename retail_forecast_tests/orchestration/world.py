"""A tiny retailer in a temporary home: two stores, three items, sixty days."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from retail_forecast.dataset import Dataset, parse_dataset
from retail_forecast.lake import Lake, Store, open_lake, open_store
from retail_forecast.orchestration.resources import Platform
from retail_forecast.pipeline.arrivals import current_ledger
from retail_forecast.settings import Settings
from retail_forecast.telemetry.audit import FILE

START = date(2024, 1, 1)
DAYS = 60
SERIES = [(store, item) for store in ("north", "south") for item in ("ale", "bread", "cake")]
DATASET: dict[str, Any] = {
    "name": "tiny",
    "frequency": "1d",
    "start_date": START,
    "end_date": START + timedelta(days=DAYS + 20),
    "horizon": 7,
    "tables": {
        "sales": {},
        "prices": {"values": {"sell_price": "float"}, "known_future": ["sell_price"], "carry_forward": True},
        "stores": {"keys": ["store_id"], "values": {"region": "category"}},
    },
}


def day(number: int) -> date:
    """The day so many days after the first."""
    return START + timedelta(days=number)


def price(number: int, item: str) -> float:
    """The price of an item on a day; no season could guess the days on which it is low."""
    return 1.25 if (number * number * 31 + len(item) * 7) % 11 < 4 else 2.5


def audited(home: Path) -> list[dict[str, Any]]:
    """The lines of a home's audit log, the oldest first."""
    return [json.loads(line) for line in (home / FILE).read_text().splitlines()]


@dataclass(frozen=True)
class World:
    """One home and what its tests do with it."""

    home: Path

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home, settle_seconds=0.0, workers=1, backtest_cutoffs=1, replicas=1)

    @property
    def dataset(self) -> Dataset:
        return parse_dataset(DATASET)

    @property
    def platform(self) -> Platform:
        return Platform(self.settings, self.dataset)

    @property
    def lake(self) -> Lake:
        return open_lake(self.settings.lake)

    @property
    def landing(self) -> Store:
        return open_store(self.settings.landing)

    def deliver(
        self, number: int, *, factor: float = 1.0, name: str | None = None, stores: Collection[str] = ("north", "south")
    ) -> Path:
        """One day of sales as a CSV file: twice as many at half the price."""
        rows = [
            (store, item, day(number), factor * (k + 2) * 5.0 / price(number, item))
            for k, (store, item) in enumerate(SERIES)
            if store in stores
        ]
        frame = pl.DataFrame(rows, schema=["store_id", "item_id", "date", "units_sold"], orient="row")
        return self.put(f"sales/{name or day(number)}.csv", frame.write_csv().encode())

    def deliver_all(self, days: int = DAYS) -> None:
        """The first days of sales, prices and stores."""
        for number in range(days):
            self.deliver(number)
        known = range(days + 14)
        prices = pl.DataFrame(
            [(store, item, day(number), price(number, item)) for store, item in SERIES for number in known],
            schema=["store_id", "item_id", "date", "sell_price"],
            orient="row",
        )
        self.put("prices/prices.csv", prices.write_csv().encode())
        self.put("stores/stores.csv", b"store_id,region\nnorth,n\nsouth,s\n")

    def put(self, path: str, data: bytes) -> Path:
        """Any file of the landing, written aside and moved in place."""
        file = self.home / "landing" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        aside = file.with_name(f".{file.name}")
        aside.write_bytes(data)
        return aside.replace(file)

    def lake_days(self) -> set[str]:
        """Days of which files were accepted."""
        ledger = current_ledger(self.lake, self.dataset)
        return {partition for table, partition in ledger.data_versions if table == "sales"}

    def write_dataset(self) -> None:
        """dataset.yaml, for what loads the whole graph."""
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "dataset.yaml").write_text(self.dataset.to_yaml())


def tick(sensor: dg.SensorDefinition, instance: dg.DagsterInstance, cursor: str | None) -> str | None:
    """One look of the arrivals sensor as the daemon makes it: its events are stored, then its cursor."""
    result = sensor(dg.build_sensor_context(instance=instance, cursor=cursor))
    if not isinstance(result, dg.SensorResult):
        return cursor
    for event in result.asset_events:
        instance.report_runless_asset_event(event)
    return result.cursor


def shown(metadata: Mapping[str, dg.MetadataValue]) -> dict[str, Any]:
    """Metadata as plain values."""
    return {name: value.value for name, value in metadata.items()}
