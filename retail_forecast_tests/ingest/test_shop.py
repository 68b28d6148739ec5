from __future__ import annotations

import io
from datetime import date, timedelta
from itertools import pairwise
from statistics import mean

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retail_forecast.dataset import Dataset
from retail_forecast.ingest.drops import read_drop
from retail_forecast.ingest.shop import build_shop
from retail_forecast.ingest.shop_assortment import SHOPS, Item, Shop, build_assortment
from retail_forecast.ingest.shop_demand import Behaviour
from retail_forecast.ingest.shop_holidays import easter_sunday, holiday_on
from retail_forecast.lake.stores import Store, open_store

UNTIL = date(2025, 6, 30)
YEAR = [date(2024, 7, 1) + timedelta(days=n) for n in range(365)]


@pytest.fixture(scope="module")
def landing() -> Store:
    return open_store("memory:///")


@pytest.fixture(scope="module")
def dataset(landing: Store) -> Dataset:
    return build_shop(landing, until=UNTIL, days=60)


def behaviour(item_id: str, shop: int = 1) -> Behaviour:
    items = {item.item_id: item for item in build_assortment(7, UNTIL)}
    return Behaviour(7, SHOPS[shop], items[item_id])


def contents(landing: Store, prefix: str = "") -> dict[str, bytes]:
    return {info.path: landing.read(info.path) for info in landing.list(prefix)}


def table(landing: Store, name: str) -> pl.DataFrame:
    return pl.read_csv(io.BytesIO(landing.read(f"{name}/{name}.csv")), try_parse_dates=True)


def test_every_file_is_a_good_drop_of_its_dataset(landing: Store, dataset: Dataset) -> None:
    stores = {shop.store_id for shop in SHOPS}
    for path, data in contents(landing).items():
        name = path.split("/")[0]
        assert read_drop(data, path, name, dataset, known_stores=stores, today=UNTIL).height > 0


def test_the_same_shop_again_changes_no_object(landing: Store, dataset: Dataset) -> None:
    before = list(landing.list())
    assert build_shop(landing, until=UNTIL, days=60) == dataset
    assert list(landing.list()) == before


def test_a_longer_history_that_ends_later_has_the_same_past(landing: Store, dataset: Dataset) -> None:
    longer = open_store("memory:///")
    build_shop(longer, until=UNTIL + timedelta(days=20), days=110)
    past = contents(landing, "sales/")
    assert len(past) == 60
    assert {path: data for path, data in contents(longer, "sales/").items() if path in past} == past


def test_another_seed_is_another_shop(landing: Store, dataset: Dataset) -> None:
    other = open_store("memory:///")
    build_shop(other, until=UNTIL, days=1, seed=8)
    path = f"sales/sales_{UNTIL}.csv"
    assert other.read(path) != landing.read(path)


def test_three_shops_sell_about_forty_items_a_day(landing: Store, dataset: Dataset) -> None:
    day = pl.read_csv(io.BytesIO(landing.read(f"sales/sales_{UNTIL}.csv")))
    counts = day.group_by("store_id").len()["len"].to_list()
    assert len(counts) == 3
    assert all(30 <= count <= 40 for count in counts)


def test_plans_reach_the_horizon_and_every_series_has_them(landing: Store, dataset: Dataset) -> None:
    sold = pl.read_csv(io.BytesIO(landing.read(f"sales/sales_{UNTIL}.csv")))
    assert table(landing, "calendar")["date"].max() == UNTIL + timedelta(days=28)
    for name in ("prices", "promotions"):
        plans = table(landing, name)
        assert sold.join(plans, on=["store_id", "item_id"], how="anti").is_empty()
        assert plans["date"].max() > UNTIL  # type: ignore[operator]


def test_nothing_is_sold_on_closed_days() -> None:
    closed = [day for day in YEAR if (holiday := holiday_on(day)) and holiday.closed]
    assert [day.isoformat() for day in closed] == ["2024-12-25", "2025-01-01", "2025-04-20"]
    assert all(behaviour("baguette").units_sold(day) == 0 for day in closed)


def test_promotions_sell_more_and_expected_demand_falls_when_the_price_rises() -> None:
    item = next(b for name in ("baguette", "eggs", "cola") if (b := behaviour(name)).promoted_share)
    promoted = [item.expected_units(day) for day in YEAR if item.is_promoted(day)]
    others = [item.expected_units(day) for day in YEAR if not item.is_promoted(day)]
    assert mean(promoted) > 1.3 * mean(others)
    assert item.elasticity > 0


def test_weekdays_seasons_and_the_days_before_christmas_differ() -> None:
    drinks = behaviour("lager")
    saturdays = mean(drinks.expected_units(day) for day in YEAR if day.weekday() == 5)
    mondays = mean(drinks.expected_units(day) for day in YEAR if day.weekday() == 0)
    july = mean(drinks.expected_units(day) for day in YEAR if day.month == 7)
    february = mean(drinks.expected_units(day) for day in YEAR if day.month == 2)
    assert saturdays > 1.4 * mondays
    assert july > 1.2 * february
    assert drinks.expected_units(date(2024, 12, 23)) > 1.2 * drinks.expected_units(date(2024, 12, 2))


def test_slow_items_sell_now_and_then_and_shelves_run_empty() -> None:
    slow = [behaviour("shoe-polish").units_sold(day) for day in YEAR]
    assert 0.7 < mean(units == 0 for units in slow) < 1
    fast = [behaviour(name) for name in ("baguette", "eggs", "cola", "lager")]
    assert sum(one.is_out_of_stock(day) for one in fast for day in YEAR) >= 4


def test_editions_follow_each_other_without_overlap() -> None:
    editions = [item for item in build_assortment(7, UNTIL) if item.item_id.startswith("craft-soda")]
    assert len(editions) > 4
    assert all(old.last < new.first for old, new in pairwise(editions))


def test_two_years_see_items_appear_and_go() -> None:
    start = UNTIL - timedelta(days=729)
    items = [item for item in build_assortment(7, UNTIL) if item.last >= start]
    assert sum(start < item.first for item in items) >= 4
    assert sum(item.last < UNTIL for item in items) >= 4


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(build_assortment(7, UNTIL)), st.sampled_from(SHOPS), st.dates(date(2019, 1, 1), date(2035, 1, 1))
)
def test_a_draw_depends_on_seed_and_date_alone_and_is_never_negative(item: Item, shop: Shop, day: date) -> None:
    once, again = Behaviour(7, shop, item), Behaviour(7, shop, item)
    again.units_sold(day - timedelta(days=1))
    assert once.units_sold(day) == again.units_sold(day) >= 0
    assert once.price(day) > 0


@pytest.mark.parametrize(("year", "day"), [(2024, "2024-03-31"), (2025, "2025-04-20"), (2026, "2026-04-05")])
def test_easter_is_on_its_sunday(year: int, day: str) -> None:
    assert easter_sunday(year).isoformat() == day
