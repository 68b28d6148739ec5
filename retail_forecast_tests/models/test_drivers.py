from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml

from retail_forecast.dataset import Dataset, parse_dataset
from retail_forecast.features import feature_names
from retail_forecast.ingest import m5
from retail_forecast.ingest.shop import shop_dataset
from retail_forecast.models.drivers import DRIVERS, Driver, driver_of
from retail_forecast.pipeline.spec import feature_spec

CONFIGURATION = Path(__file__).parents[2] / "docs" / "configuration.md"


def m5_dataset() -> Dataset:
    days = [date(2011, 1, 29) + timedelta(days=n) for n in range(1969)]
    return m5._dataset(pl.DataFrame({"date": days}))


def drug_stores() -> Dataset:
    texts = re.findall(r"```yaml\n(.*?)```", CONFIGURATION.read_text(), re.DOTALL)
    return parse_dataset(yaml.safe_load(texts[1]))


def drivers_of(dataset: Dataset) -> dict[str, Driver]:
    return driver_of(feature_spec(dataset))


@pytest.mark.parametrize("dataset", [shop_dataset(date(2024, 1, 1), 28), m5_dataset(), drug_stores()])
def test_each_feature_has_a_driver(dataset: Dataset) -> None:
    spec = feature_spec(dataset)
    drivers = driver_of(spec)
    assert list(drivers) == feature_names(spec)
    assert set(drivers.values()) <= set(DRIVERS)


def test_prices_and_all_that_they_are_relative_to_are_the_price() -> None:
    drivers = drivers_of(m5_dataset())
    assert {name for name, driver in drivers.items() if driver == "price"} == {
        name for name in drivers if "sell_price" in name
    }


def test_holidays_and_how_near_they_are_are_events() -> None:
    drivers = drivers_of(m5_dataset())
    names = ("event_name", "event_name_next", "event_name_periods_to_change", "snap", "snap_periods_since_change")
    assert {drivers[name] for name in names} == {"events"}


def test_a_promotion_is_one_by_its_name_or_because_it_is_a_flag_of_an_item() -> None:
    shop, stores = drivers_of(shop_dataset(date(2024, 1, 1), 28)), drivers_of(drug_stores())
    assert shop["promotion"] == "promotion"
    assert (stores["promotion"], stores["promotion_periods_since_change"]) == ("promotion", "promotion")


def test_long_windows_are_the_level_short_ones_the_trend_and_the_same_weekday_is_the_season() -> None:
    drivers = drivers_of(m5_dataset())
    assert [drivers[f"units_sold_mean_{n}"] for n in (7, 14, 28, 180)] == ["trend", "trend", "level", "level"]
    assert drivers["units_sold_same_weekday_mean_4"] == drivers["weekday"] == "season"
    assert (drivers["store_units_sold_mean_28"], drivers["store_units_sold_mean_7"]) == ("level", "trend")
