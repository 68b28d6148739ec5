"""Which row of a table holds for a series in a period."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

import numpy as np
import polars as pl

from retail_forecast.features import FeatureSpec
from retail_forecast.features.lookup import look_up, match_rows
from retail_forecast.features.timeline import Timeline, at_periods

MONDAY = date(2024, 1, 1)
SERIES = pl.DataFrame({"store_id": ["A", "A", "B"], "item_id": ["x", "y", "x"]})


def timeline(count: int, frequency: Literal["1d", "1w"] = "1d") -> Timeline:
    return Timeline(FeatureSpec(frequency, horizon=1), MONDAY, count, count - 2, np.arange(0))


def prices(*rows: tuple[str, str, int, float | None]) -> pl.LazyFrame:
    dated = [(store, item, MONDAY + timedelta(days=number), price) for store, item, number, price in rows]
    return pl.LazyFrame(dated, schema=["store_id", "item_id", "date", "price"], orient="row")


def test_a_row_holds_in_its_own_period_alone_unless_it_is_carried_forward() -> None:
    table = prices(("A", "x", 1, 5.0), ("A", "y", 2, 7.0))
    found = look_up(table, ("store_id", "item_id", "date"), SERIES, timeline(4))
    carried = look_up(table, ("store_id", "item_id", "date"), SERIES, timeline(4), carry_forward=True)
    assert found.rows.tolist() == [[-1, 0, -1, -1], [-1, -1, 1, -1], [-1, -1, -1, -1]]
    assert carried.rows.tolist() == [[-1, 0, 0, 0], [-1, -1, 1, 1], [-1, -1, -1, -1]]


def test_the_last_row_before_a_period_holds_and_so_does_its_null() -> None:
    table = prices(("A", "x", 9, None), ("A", "x", -20, 1.0), ("A", "x", 8, 2.0), ("A", "x", -3, 3.0))
    found = look_up(table, ("store_id", "item_id", "date"), SERIES, timeline(3, "1w"), carry_forward=True)
    weeks = found.gather(["price"], found.rows_of(np.arange(3))[0])
    assert weeks["price"].to_list() == [3.0, 3.0, None]  # the 14th day is the first of the third week


def test_a_table_of_items_serves_every_store() -> None:
    table = prices(("-", "x", 0, 5.0), ("-", "nobody", 0, 9.0)).drop("store_id")
    found = look_up(table, ("item_id", "date"), SERIES, timeline(1))
    assert np.nan_to_num(found.matrix("price")[found.entity]).tolist() == [[5.0], [0.0], [5.0]]


def test_series_are_matched_by_all_of_their_keys() -> None:
    rows = pl.DataFrame({"store_id": ["B", "B", "A", None], "item_id": ["x", "y", "y", "x"]})
    assert match_rows(rows, SERIES, ["store_id", "item_id"]).tolist() == [2, -1, 1, -1]


def test_periods_are_taken_in_the_order_they_are_asked_for() -> None:
    values = np.arange(10)
    for periods in ([], [4], [1, 4, 7], [1, 2, 7]):
        assert at_periods(values, np.array(periods, dtype=np.intp)).tolist() == periods
