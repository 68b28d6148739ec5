"""A made-up chain of three shops with forty items each, for the demo: nothing in it is anybody's data.

It sells as shops do: by weekday, season and holiday, more in promotions, less after a price rise; slow items sell
now and then, editions appear and are discontinued, and shelves run empty. Sales are one CSV file per day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta

import polars as pl

from retail_forecast.dataset import Dataset, parse_dataset
from retail_forecast.ingest.landing import land_csv
from retail_forecast.ingest.shop_assortment import DEPARTMENTS, SHOPS, build_assortment
from retail_forecast.ingest.shop_demand import Behaviour
from retail_forecast.ingest.shop_holidays import holiday_on
from retail_forecast.lake.stores import Store

SEED = 7


def build_shop(
    landing: Store,
    *,
    until: date,
    days: int = 730,
    horizon: int = 28,
    seed: int = SEED,
    on_progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Lands the `days` days of sales that end with `until`, and returns their dataset.

    Prices, promotions and the calendar reach `horizon` days further. A day's sales depend on the seed and the date
    alone, so a longer history, or one that ends later, has the same past. `on_progress(done, all)` counts days.
    """
    start = until - timedelta(days=days - 1)
    last = until + timedelta(days=horizon)
    assortment = build_assortment(seed, last)
    series = [Behaviour(seed, shop, item) for shop in SHOPS for item in assortment if item.last >= start]
    series = [one for one in series if one.listed]
    _land_plans(landing, series, start, last)
    for done, day in enumerate(_days(start, until), start=1):
        land_csv(landing, f"sales/sales_{day}.csv", _sales_of(day, series))
        if on_progress is not None:
            on_progress(done, days)
    return shop_dataset(start, horizon)


def _days(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _land_plans(landing: Store, series: list[Behaviour], start: date, last: date) -> None:
    items = {one.item.item_id: one.item.department for one in series}
    rows = [(name, department, DEPARTMENTS[department].category) for name, department in items.items()]
    table = pl.DataFrame(rows, schema=["item_id", "department", "category"], orient="row")
    land_csv(landing, "items/items.csv", table.sort("item_id"))
    stores = pl.DataFrame({"store_id": [s.store_id for s in SHOPS], "region": [s.region for s in SHOPS]})
    land_csv(landing, "stores/stores.csv", stores)
    land_csv(landing, "calendar/calendar.csv", _calendar(start, last))
    land_csv(landing, "prices/prices.csv", _changes(series, start, last, "sell_price", Behaviour.price))
    land_csv(landing, "promotions/promotions.csv", _changes(series, start, last, "promotion", Behaviour.is_promoted))


def _sales_of(day: date, series: list[Behaviour]) -> pl.DataFrame:
    """One row per series in the assortment: what it sold on the day."""
    sold = [one for one in series if one.is_sold(day)]
    return pl.DataFrame(
        {
            "store_id": [one.shop.store_id for one in sold],
            "item_id": [one.item.item_id for one in sold],
            "date": [day] * len(sold),
            "units_sold": [one.units_sold(day) for one in sold],
        }
    )


def _calendar(start: date, last: date) -> pl.DataFrame:
    """One row per day of the chain: its holiday, and whether the shops are open."""
    days = list(_days(start, last))
    holidays = [holiday_on(day) for day in days]
    return pl.DataFrame(
        {
            "date": days,
            "event_name": [holiday.name if holiday else None for holiday in holidays],
            "is_open": [holiday is None or not holiday.closed for holiday in holidays],
        }
    )


def _changes(
    series: list[Behaviour], start: date, last: date, name: str, value_on: Callable[[Behaviour, date], float | bool]
) -> pl.DataFrame:
    """One row per series and day on which the value changes; it holds until the next row."""
    rows: list[tuple[str, str, date, float | bool]] = []
    for one in series:
        before: float | bool | None = None
        for day in _days(max(start, one.item.first), min(last, one.item.last)):
            value = value_on(one, day)
            if value != before:
                rows.append((one.shop.store_id, one.item.item_id, day, value))
            before = value
    return pl.DataFrame(rows, schema=["store_id", "item_id", "date", name], orient="row")


def shop_dataset(start: date, horizon: int) -> Dataset:
    """The description of the made-up shop from `start` on."""
    changing = {"carry_forward": True}
    return parse_dataset(
        {
            "name": "corner-shop",
            "frequency": "1d",
            "start_date": start,
            "horizon": horizon,
            "tables": {
                "sales": {},
                "prices": {"values": {"sell_price": "float"}, "known_future": ["sell_price"], **changing},
                "promotions": {"values": {"promotion": "boolean"}, "known_future": ["promotion"], **changing},
                "calendar": {
                    "keys": ["date"],
                    "values": {"event_name": "category", "is_open": "boolean"},
                    "known_future": ["event_name", "is_open"],
                },
                "items": {"keys": ["item_id"], "values": {"department": "category", "category": "category"}},
                "stores": {"keys": ["store_id"], "values": {"region": "category"}},
            },
            "freshness_periods": 3,
        }
    )
