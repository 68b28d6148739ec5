from __future__ import annotations

import gzip
from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from retail_forecast.ingest.drops import inspect_drop, read_drop
from retail_forecast.schemas import schema_for, validate_table
from retail_forecast_tests.ingest.datasets import TODAY, corner_shops, parquet, sales_csv

DATASET = corner_shops()
SALES_TYPES = {"store_id": pl.String, "item_id": pl.String, "date": pl.Date, "units_sold": pl.Float32}


def sales(*rows: tuple[str, str, date, float]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SALES_TYPES, orient="row")


def test_columns_are_mapped_typed_and_sorted() -> None:
    data = sales_csv("B,1,2024-02-01,3", "A,2,2024-02-01,0.5", "A,1,2024-02-02,1e2")
    expected = sales(
        ("A", "1", date(2024, 2, 2), 100), ("A", "2", date(2024, 2, 1), 0.5), ("B", "1", date(2024, 2, 1), 3)
    )
    assert_frame_equal(read_drop(data, "sales/a.csv", "sales", DATASET, today=TODAY), expected)


def test_a_byte_order_mark_crlf_blank_ends_and_extra_columns_do_no_harm() -> None:
    data = b"\xef\xbb\xbfnote,shop,sku,day,qty\r\nx,A , 1,2024-02-01,3\r\n\r\n"
    expected = sales(("A", "1", date(2024, 2, 1), 3))
    assert_frame_equal(read_drop(data, "sales/a.csv", "sales", DATASET, today=TODAY), expected)


def test_delimiter_date_format_and_a_constant_item_come_from_the_dataset() -> None:
    table = {"columns": {"item_id": None}, "csv": {"delimiter": ";", "date_format": "%d.%m.%Y"}}
    dataset = corner_shops(tables={"sales": table})
    found = read_drop(b"store_id;date;units_sold\nA;01.02.2024;7\n", "sales/a.csv", "sales", dataset, today=TODAY)
    assert_frame_equal(found, sales(("A", "all", date(2024, 2, 1), 7)))


def test_gzip_and_parquet_hold_the_same_as_csv() -> None:
    data = sales_csv("A,1,2024-02-01,3")
    frame = pl.DataFrame({"shop": ["A"], "sku": [1], "day": [date(2024, 2, 1)], "qty": [3]})
    expected = read_drop(data, "sales/a.csv", "sales", DATASET, today=TODAY)
    assert_frame_equal(read_drop(gzip.compress(data), "sales/a.csv.gz", "sales", DATASET, today=TODAY), expected)
    assert_frame_equal(read_drop(parquet(frame), "sales/a.parquet", "sales", DATASET, today=TODAY), expected)


@pytest.mark.parametrize(("policy", "units"), [("clip_to_zero", 0.0), ("keep", -2.0)])
def test_negative_units_follow_the_policy(policy: str, units: float) -> None:
    dataset = corner_shops(policy={"negative_units": policy})
    found = read_drop(sales_csv("A,1,2024-02-01,-2"), "sales/a.csv", "sales", dataset, today=TODAY)
    assert found["units_sold"].to_list() == [units]


def test_truth_values_whole_numbers_and_missing_values_of_covariates() -> None:
    data = b"store_id,date,open,footfall,event\nA,2024-02-01,yes,12.0,Easter\nA,2024-02-02,0,,\n"
    found = read_drop(data, "calendar/c.csv", "calendar", DATASET, today=TODAY)
    assert found.select("open", "footfall", "event").rows() == [(True, 12, "Easter"), (False, None, None)]


def test_texts_that_the_dataset_calls_missing_are_nothing_in_any_column() -> None:
    values = {"open": "boolean", "footfall": "integer", "event": "category"}
    calendar = {"keys": ["store_id", "date"], "values": values, "csv": {"missing": ["NA", "?"]}}
    dataset = corner_shops(tables={"sales": {}, "calendar": calendar})
    data = b"store_id,date,open,footfall,event\nA,2024-02-01,NA,?,NA\n"
    found = read_drop(data, "calendar/c.csv", "calendar", dataset, today=TODAY)
    assert found.select("open", "footfall", "event").row(0) == (None, None, None)


def test_prices_may_have_become_valid_before_the_first_sale_and_reach_into_the_future() -> None:
    data = b"store_id,item_id,date,sell_price\nA,1,2023-06-01,2.5\nA,1,2024-04-01,2.7\n"
    assert read_drop(data, "prices/p.csv", "prices", DATASET, today=TODAY).height == 2


def test_the_table_of_stores_may_bring_new_stores() -> None:
    data = b"store_id,region\nC,south\n"
    assert read_drop(data, "stores/s.csv", "stores", DATASET, known_stores={"A"}).height == 1


def test_an_inspection_counts_rows_per_day_of_sales_and_once_for_other_tables() -> None:
    data = sales_csv("A,1,2024-02-01,3", "A,2,2024-02-01,0", "A,1,2024-02-02,1")
    found = inspect_drop(data, "sales/a.csv", "sales", DATASET, today=TODAY)
    assert (found.rows, found.partitions) == (3, {"2024-02-01": 2, "2024-02-02": 1})
    stores = inspect_drop(b"store_id,region\nA,north\nB,\n", "stores/s.csv", "stores", DATASET)
    assert stores.partitions == {"all": 2}


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Z"]), min_size=1, max_size=8)
ROWS = st.dictionaries(
    st.tuples(NAMES, NAMES, st.dates(date(2024, 1, 1), TODAY)), st.floats(0, 1e6, width=32), min_size=1, max_size=20
)


@settings(deadline=None, max_examples=60)
@given(ROWS, st.sampled_from([".csv", ".csv.gz", ".parquet"]))
def test_what_was_written_is_read_back_in_order_and_satisfies_its_schema(rows: dict[Any, float], ending: str) -> None:
    frame = sales(*((*key, units) for key, units in rows.items()))
    source = frame.rename({"store_id": "shop", "item_id": "sku", "date": "day", "units_sold": "qty"})
    data = parquet(source) if ending == ".parquet" else source.write_csv().encode()
    data = gzip.compress(data) if ending == ".csv.gz" else data
    found = read_drop(data, f"sales/a{ending}", "sales", DATASET, today=TODAY)
    assert_frame_equal(found, frame.sort("store_id", "item_id", "date"))
    validate_table(schema_for(DATASET, "sales"), found, table="sales")
