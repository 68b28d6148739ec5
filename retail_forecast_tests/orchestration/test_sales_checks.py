"""Checks of sales on hand-written manifests."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

from retail_forecast.dataset import parse_dataset
from retail_forecast.lake import Lake, Part, open_lake
from retail_forecast.lake.tables import NewPart
from retail_forecast.orchestration.checks.sales import (
    evaluate_completeness,
    evaluate_cover,
    evaluate_duplicates,
    evaluate_freshness,
    evaluate_scale,
    evaluate_stores,
    sorted_parts,
)
from retail_forecast_tests.orchestration.world import DATASET, day, shown

DATA = parse_dataset({**DATASET, "freshness_periods": 2})


def part(number: int, *, units: float = 10, stores: tuple[str, ...] = ("north", "south"), rows: int = 6) -> Part:
    stats = {
        "rows_by_store": dict.fromkeys(stores, 3),
        "units_sold_min": min(units, 0.0),
        "units_sold_max": units,
        "units_sold_total": units,
    }
    return Part(str(day(number)), "path", rows, "sha", "version", (), stats)


def sold(*items: str) -> pl.DataFrame:
    rows = [("a", item, day(0), 1.0) for item in items]
    return pl.DataFrame(rows, schema=["store_id", "item_id", "date", "units_sold"], orient="row")


def lake_with(folder: Path, frame: pl.DataFrame) -> Lake:
    lake = open_lake(folder.as_uri())
    lake.table("sales").publish({str(day(0)): NewPart(frame)}.items())
    return lake


def test_sales_of_the_day_before_yesterday_are_fresh_and_older_ones_are_not() -> None:
    parts = [part(0), part(1)]
    assert evaluate_freshness(parts, DATA, today=day(3)).passed
    assert not evaluate_freshness(parts, DATA, today=day(4)).passed


def test_a_missing_day_is_named_by_its_neighbours() -> None:
    result = evaluate_completeness([part(0), part(2)], 1)
    assert not result.passed
    assert shown(result.metadata)["problems"] == f"Nothing between {day(0)} and {day(2)}."


def test_a_day_with_less_than_half_of_the_usual_rows_is_named() -> None:
    result = evaluate_completeness([part(0), part(1), part(2, rows=2)], 1)
    assert shown(result.metadata)["problems"] == f"{day(2)} has 2 rows; 6 are usual."


def test_negative_units_and_units_out_of_scale_are_named() -> None:
    usual = [part(number) for number in range(7)]
    assert evaluate_scale(usual, DATA).passed
    assert not evaluate_scale([*usual, part(7, units=-1)], DATA).passed
    assert not evaluate_scale([*usual, part(7, units=201)], DATA).passed  # more than 20 times 10


def test_a_store_that_usually_reports_is_missed_and_one_that_closed_is_not() -> None:
    both = [part(number) for number in range(27)]
    alone = part(27, stores=("south",))
    result = evaluate_stores([*both, alone])
    assert shown(result.metadata)["problems"].startswith(f"Store north is missing on {day(27)}")
    closed = [part(number, stores=("south",)) for number in range(27, 32)]
    assert evaluate_stores([*both, *closed]).passed  # present in 24 of 28 days, below nine tenths


def test_a_series_with_two_rows_for_a_day_is_named(tmp_path: Path) -> None:
    frame = sold("x", "x")
    lake = lake_with(tmp_path, frame)
    assert not evaluate_duplicates(lake, sorted_parts(lake)).passed


def test_a_series_that_sold_without_a_price_is_named(tmp_path: Path) -> None:
    frame = sold("x", "y")
    lake = lake_with(tmp_path, frame)
    prices = pl.DataFrame({"store_id": ["a"], "item_id": ["x"], "date": [date(2023, 1, 1)], "sell_price": [1.0]})
    lake.table("prices").publish({"all": NewPart(prices)}.items())
    result = evaluate_cover(lake, DATA, "prices")
    assert shown(result.metadata)["problems"] == f"a, y sold on {day(0)} without a row in prices."


def test_nothing_delivered_yet_fails_no_check_but_freshness() -> None:
    assert evaluate_completeness([], 1).passed
    assert evaluate_stores([]).passed
    assert evaluate_scale([], DATA).passed
    assert not evaluate_freshness([], DATA, today=day(0)).passed
