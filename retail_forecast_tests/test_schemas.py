"""A frame is checked against its schema whether or not its keys rise."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from retail_forecast.dataset import Dataset, parse_dataset
from retail_forecast.errors import SchemaError
from retail_forecast.schemas import is_rising, schema_for, validate_table

KEYS = ["store_id", "item_id", "date"]
TYPES = {"store_id": pl.String, "item_id": pl.String, "date": pl.Date, "units_sold": pl.Float32}


def dataset(**policy: float) -> Dataset:
    raw = {"name": "shop", "frequency": "1d", "horizon": 7, "start_date": "2024-01-01", "tables": {"sales": {}}}
    return parse_dataset({**raw, "policy": policy})


def sales(*rows: tuple[str | None, str, int, float | None]) -> pl.DataFrame:
    dated = [(store, item, date(2024, 1, day), units) for store, item, day, units in rows]
    return pl.DataFrame(dated, schema=TYPES, orient="row")


@pytest.mark.parametrize(
    ("rows", "rising"),
    [
        ([], True),
        ([("s", "a", 1, 1)], True),
        ([("s", "a", 1, 1), ("s", "a", 2, 1), ("s", "b", 1, 1), ("t", "a", 1, 1)], True),
        ([("s", "a", 1, 1), ("s", "a", 1, 1)], False),
        ([("s", "b", 1, 1), ("s", "a", 2, 1)], False),
        ([("t", "a", 1, 1), ("s", "b", 2, 1)], False),
        ([("s", "a", 1, 1), (None, "b", 1, 1)], False),
    ],
)
def test_keys_rise_when_they_are_sorted_and_none_is_missing_or_twice(
    rows: list[tuple[str | None, str, int, float]], rising: bool
) -> None:
    assert is_rising(sales(*rows), KEYS) is rising


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([("s", "a", 1, 1), ("s", "a", 1, 2)], "primary_key fails for 2 rows"),
        ([("s", "b", 1, 1), ("s", "a", 1, 2), ("s", "b", 1, 2)], "primary_key fails for 2 rows"),
        ([("s", "a", 1, 1), ("s", "b", 1, -2)], "units_sold: min fails for 1 rows"),
        ([("s", "a", 1, 1), ("s", "b", 1, None)], "units_sold: nullability fails for 1 rows"),
        ([("", "a", 1, 1), ("s", "b", 1, 1)], "store_id: min_length fails for 1 rows"),
        ([(None, "a", 1, 1)], "store_id: nullability fails for 1 rows"),
    ],
)
def test_a_broken_rule_is_named(rows: list[tuple[str | None, str, int, float | None]], problem: str) -> None:
    with pytest.raises(SchemaError, match=problem):
        validate_table(schema_for(dataset(), "sales"), sales(*rows), table="sales")


def test_rows_keep_their_order_and_get_the_schemas_types() -> None:
    rows = sales(("t", "a", 1, 1), ("s", "a", 1, 2))
    wide = rows.with_columns(pl.col("units_sold").cast(pl.Float64), note=pl.lit("x"))
    assert_frame_equal(validate_table(schema_for(dataset(), "sales"), wide, table="sales"), rows)


def test_another_description_has_another_schema() -> None:
    rows = sales(("s", "a", 1, 5))
    validate_table(schema_for(dataset(), "sales"), rows, table="sales")
    with pytest.raises(SchemaError, match="units_sold: max"):
        validate_table(schema_for(dataset(max_units_sold=4), "sales"), rows, table="sales")
