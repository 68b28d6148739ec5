from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from retail_forecast.features import FeatureSpec, first_sales
from retail_forecast.features.grid import build_grid, build_periods
from retail_forecast.features.stock_outs import STOCK_OUT, add_stock_outs

SPEC, START, DAYS = FeatureSpec("1d", horizon=7), date(2024, 1, 1), 130
CUTOFF = START + timedelta(days=DAYS - 1)


def marked(units: dict[str, np.ndarray], *, until: int = DAYS) -> pl.DataFrame:
    """One row per item of one shop and day: whether it is a `stock_out`."""
    rows = [
        ("s", item, START + timedelta(days=day), float(sold))
        for item, all_ in units.items()
        for day, sold in enumerate(all_[:until])
    ]
    sales = pl.LazyFrame(rows, schema=["store_id", "item_id", "date", "units_sold"], orient="row")
    series = first_sales(sales).with_row_index("series")
    first = pl.LazyFrame({"first": [START]})
    cutoff = START + timedelta(days=until - 1)
    grid = build_grid(series, build_periods(first, cutoff, SPEC), sales, SPEC, cutoff=cutoff)
    return add_stock_outs(grid, SPEC).select("item_id", "date", STOCK_OUT).collect()


def days_of(frame: pl.DataFrame, item: str) -> list[int]:
    """Days since the start that are taken for stock-outs."""
    return [(day - START).days for day in frame.filter(pl.col(STOCK_OUT), item_id=item)["date"]]


@pytest.fixture
def units() -> dict[str, np.ndarray]:
    """A fast seller, one that sells twice a day, and a slow one; each with five days without a sale from day 100 on."""
    random = np.random.default_rng(3)
    made = {name: random.poisson(rate, DAYS) for name, rate in {"fast": 12.0, "two": 2.0, "slow": 0.2}.items()}
    made["steady"] = np.full(DAYS, 20)
    for name in ("fast", "two", "slow"):
        made[name][0], made[name][99], made[name][105] = 1, 2, 1
        made[name][100:105] = 0
    return made


def test_a_fast_seller_is_out_of_stock_at_once_and_a_slow_one_never(units: dict[str, np.ndarray]) -> None:
    frame = marked(units)
    # twelve a day: a single zero has a chance of about e^-12. Two a day: 0.14 a day, five of them 4 in 100,000.
    assert days_of(frame, "fast") == [100, 101, 102, 103, 104]
    assert days_of(frame, "two") in ([103, 104], [104])
    assert days_of(frame, "slow") == []


def test_a_day_on_which_the_store_sells_nothing_is_no_stock_out(units: dict[str, np.ndarray]) -> None:
    for sold in units.values():
        sold[100:105] = 0
    assert marked(units).filter(pl.col(STOCK_OUT)).is_empty()


def test_an_item_that_does_not_come_back_has_ended_after_four_weeks(units: dict[str, np.ndarray]) -> None:
    units["fast"][100:] = 0
    assert days_of(marked(units), "fast") == list(range(100, 128))


def test_later_sales_change_no_earlier_stock_out(units: dict[str, np.ndarray]) -> None:
    whole = marked(units).filter(pl.col("date") < START + timedelta(days=103))
    assert_frame_equal(marked(units, until=103), whole)
