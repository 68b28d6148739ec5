"""A wrong dataset.yaml gets an error that names the key, what was found and what would be right."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from retail_forecast.dataset import load_dataset, parse_dataset
from retail_forecast.errors import DatasetError


def description(**changes: Any) -> dict[str, Any]:
    return {
        "name": "corner-shops",
        "frequency": "1d",
        "horizon": 28,
        "start_date": "2024-01-01",
        "tables": {
            "sales": {"columns": {"store_id": "shop", "units_sold": "qty"}},
            "prices": {"values": {"sell_price": "float"}, "known_future": ["sell_price"], "carry_forward": True},
            "items": {"keys": ["item_id"], "values": {"department": "category"}},
            "stores": {"keys": ["store_id"], "values": {"region": "category"}},
        },
        **changes,
    }


def with_table(name: str, table: dict[str, Any]) -> dict[str, Any]:
    return description(tables={**description()["tables"], name: table})


@pytest.mark.parametrize(
    ("raw", "key", "found", "expected"),
    [
        (description(frequency="2d"), "frequency", "2d", "'1d' or '1w'"),
        (description(horizn=3), "horizn", "3", "misspelling"),
        (description(horizon=0), "horizon", "0", "greater than or equal to 1"),
        (description(quantiles=[0.5, 0.1]), "quantiles", "[0.5, 0.1]", "rising order"),
        (description(start_date="soon"), "start_date", "soon", "date"),
        (description(end_date="2023-01-01"), "dataset", "2023-01-01", "after start_date 2024-01-01"),
        (description(tables={}), "tables", "[]", "one named sales"),
        (description(levels=[["colour"]]), "levels", "colour", "department"),
        (with_table("sales", {"columns": {"unit": "qty"}}), "tables.sales", "'unit'", "units_sold"),
        (with_table("sales", {"columns": {"date": None}}), "tables.sales", "'date' is null", "only item_id"),
        (
            with_table("sales", {"values": {"promo": "boolean"}, "known_future": ["promo"]}),
            "sales.known_future",
            "'promo'",
            "--table sales --table promotions",
        ),
        (with_table("promo", {"keys": ["shop"]}), "tables.promo.keys", "shop", "store_id, item_id, date"),
        (with_table("promo", {"values": {"sell_price": "float"}}), "tables.promo", "sell_price", "taken by"),
        (with_table("promo", {"known_future": ["on"]}), "tables.promo", "'on'", "not a value"),
        (with_table("promo", {"values": {"on": "bool"}}), "tables.promo.values.on", "bool", "'boolean'"),
    ],
)
def test_a_wrong_key_is_named(raw: object, key: str, found: str, expected: str) -> None:
    with pytest.raises(DatasetError) as caught:
        parse_dataset(raw)
    message = str(caught.value)
    assert key in message
    assert found in message
    assert expected in message


def test_a_missing_key_is_named() -> None:
    raw = {key: value for key, value in description().items() if key != "horizon"}
    with pytest.raises(DatasetError, match=r"horizon.*required"):
        parse_dataset(raw)


def test_a_missing_file_says_where_one_comes_from(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"dataset\.yaml: found 'no such file'.*retail-forecast import"):
        load_dataset(tmp_path / "dataset.yaml")


def test_text_that_is_no_yaml_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "dataset.yaml"
    file.write_text("a: [1")
    with pytest.raises(DatasetError, match="YAML"):
        load_dataset(file)


def test_a_description_survives_the_way_through_yaml() -> None:
    dataset = parse_dataset(description())
    assert parse_dataset(yaml.safe_load(dataset.to_yaml())) == dataset
    assert parse_dataset(yaml.safe_load(dataset.to_yaml())).hash == dataset.hash


def test_default_levels_go_from_the_total_to_the_series() -> None:
    assert parse_dataset(description()).resolved_levels == (
        (),
        ("region",),
        ("store_id",),
        ("department",),
        ("store_id", "department"),
        ("item_id",),
        ("store_id", "item_id"),
    )


def test_weekly_periods_start_on_the_weekday_of_the_first() -> None:
    dataset = parse_dataset(description(frequency="1w", end_date="2024-03-31"))
    assert dataset.is_period(date(2024, 1, 8))
    assert not dataset.is_period(date(2024, 1, 9))
    assert not dataset.is_period(date(2024, 4, 1))
    assert dataset.periods_after(date(2024, 1, 8), 2) == [date(2024, 1, 15), date(2024, 1, 22)]


def test_a_source_without_items_maps_item_id_to_null() -> None:
    table = {"columns": {"item_id": None}}
    assert parse_dataset(with_table("sales", table)).sales.header_of("item_id") is None
