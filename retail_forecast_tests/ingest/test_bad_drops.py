from __future__ import annotations

import gzip
from contextlib import suppress
from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retail_forecast.dataset import Dataset
from retail_forecast.errors import BadDropError
from retail_forecast.ingest.drops import read_drop
from retail_forecast.ingest.files import Limits
from retail_forecast_tests.ingest.datasets import HEADER, TODAY, corner_shops, parquet, sales_csv

DATASET = corner_shops()
GOOD = sales_csv("A,1,2024-02-01,3", "A,2,2024-02-01,0")
SALES = pl.DataFrame({"shop": ["A", "B"], "sku": ["1", "1"], "day": [date(2024, 2, 1)] * 2, "qty": [3, 4]})


def refusal(
    data: bytes,
    path: str = "sales/drop.csv",
    *,
    table: str = "sales",
    dataset: Dataset = DATASET,
    **options: Any,
) -> str:
    with pytest.raises(BadDropError) as caught:
        read_drop(data, path, table, dataset, today=TODAY, **options)
    assert caught.value.object == path
    assert caught.value.fix
    return str(caught.value)


def test_a_truncated_parquet_file_is_refused() -> None:
    whole = parquet(SALES)
    message = refusal(whole[: len(whole) // 2], "sales/drop.parquet")
    assert "no complete Parquet file" in message
    assert "deliver it again" in message


def test_a_file_cut_off_within_a_line_is_refused() -> None:
    message = refusal(sales_csv("A,1,2024-02-01,3") + b"A,2,2024-0")
    assert "Line 3 has 3 fields, the header has 4: 'A,2,2024-0'" in message


def test_a_truncated_gzip_file_is_refused() -> None:
    assert "no complete gzip file" in refusal(gzip.compress(GOOD)[:-9], "sales/drop.csv.gz")


def test_a_wrong_delimiter_is_named_with_the_setting_that_mends_it() -> None:
    message = refusal(GOOD.replace(b",", b";"))
    assert "separated by ';' (semicolon), not by ','" in message
    assert "csv.delimiter" in message


def test_a_missing_column_is_named_with_the_columns_that_were_found() -> None:
    message = refusal(GOOD.replace(b"qty", b"quantity"))
    assert "Column 'qty' is missing; found 'shop', 'sku', 'day', 'quantity'" in message


def test_a_column_that_stands_twice_is_refused() -> None:
    message = refusal(b"shop,sku,day,qty,qty\nA,1,2024-02-01,3,4\n")
    assert "Column 'qty' stands in the header 2 times" in message


def test_text_among_numbers_is_named_by_column_row_and_value() -> None:
    message = refusal(sales_csv("A,1,2024-02-01,3", "A,2,2024-02-01,many"))
    assert "Column 'qty' holds 'many' in row 2 (1 such rows); expected numbers" in message


def test_a_decimal_comma_gets_its_own_advice() -> None:
    assert "decimal point" in refusal(sales_csv('A,1,2024-02-01,"3,5"'))


@pytest.mark.parametrize("date_format", ["%Y-%m-%d", "%Y-%m-%d %H:%M"])
def test_hours_are_refused_and_midnights_are_dates(date_format: str) -> None:
    table = {"csv": {"date_format": date_format}}
    dataset = corner_shops(tables={"sales": table})
    header = b"store_id,item_id,date,units_sold\n"
    with pytest.raises(BadDropError, match="add its hours up"):
        read_drop(header + b"A,1,2024-02-01 13:00,3\n", "sales/a.csv", "sales", dataset, today=TODAY)
    if "%H" in date_format:
        found = read_drop(header + b"A,1,2024-02-01 00:00,3\n", "sales/a.csv", "sales", dataset, today=TODAY)
        assert found["date"].to_list() == [date(2024, 2, 1)]


def test_a_text_that_often_means_missing_gets_its_own_advice() -> None:
    assert 'csv: {missing: ["NA"]}' in refusal(sales_csv("A,1,2024-02-01,NA"))


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_numbers_that_are_not_finite_are_refused(value: str) -> None:
    assert f"holds {value!r} in row 1" in refusal(sales_csv(f"A,1,2024-02-01,{value}"))


def test_what_a_row_per_item_says_of_its_store_counts_once() -> None:
    wide = b"store_id,item_id,date,open,footfall,event\nA,1,2024-02-01,1,9,\nA,2,2024-02-01,1,9,\n"
    assert read_drop(wide, "calendar/drop.csv", "calendar", DATASET, today=TODAY).height == 1
    message = refusal(wide.replace(b"A,2,2024-02-01,1", b"A,2,2024-02-01,0"), "calendar/drop.csv", table="calendar")
    assert "Row 2 repeats store_id A, date 2024-02-01 (1 such rows)" in message


def test_duplicate_keys_are_named() -> None:
    message = refusal(sales_csv("A,1,2024-02-01,3", "A,2,2024-02-01,4", "A,1,2024-02-01,5"))
    assert "Row 3 repeats store_id A, item_id 1, date 2024-02-01 (1 such rows)" in message


@pytest.mark.parametrize(
    ("day", "found"),
    [
        ("2023-12-31", "date 2023-12-31 in row 1 is before 2024-01-01"),
        ("2024-03-02", "date 2024-03-02 in row 1 is after today, 2024-03-01"),
        ("2024-02-30", "Column 'day' holds '2024-02-30' in row 1"),
        ("01/02/2024", "Column 'day' holds '01/02/2024' in row 1"),
    ],
)
def test_dates_out_of_range_or_in_another_form_are_refused(day: str, found: str) -> None:
    assert found in refusal(sales_csv(f"A,1,{day},3"))


def test_sales_after_the_end_of_the_dataset_are_refused() -> None:
    dataset = corner_shops(end_date="2024-02-10")
    message = refusal(sales_csv("A,1,2024-02-11,3"), dataset=dataset)
    assert "is after end_date, 2024-02-10" in message


def test_weekly_data_must_fall_on_the_start_of_the_period() -> None:
    dataset = corner_shops(frequency="1w")  # 2024-01-01 is a Monday
    message = refusal(sales_csv("A,1,2024-01-08,3", "A,1,2024-01-16,3"), dataset=dataset)
    assert "date 2024-01-16 in row 2 is no Monday" in message


def test_an_unknown_store_is_named_with_the_known_ones() -> None:
    message = refusal(sales_csv("A,1,2024-02-01,3", "C,1,2024-02-01,3"), known_stores={"A", "B"})
    assert "store_id C in row 2 is no known store" in message
    assert "known are A, B" in message


def test_an_empty_file_is_refused() -> None:
    assert "0 bytes" in refusal(b"")


@pytest.mark.parametrize("data", [HEADER.encode(), HEADER.strip().encode()])
def test_a_file_with_a_header_alone_is_refused(data: bytes) -> None:
    assert "no rows" in refusal(data)


def test_a_parquet_file_without_rows_is_refused() -> None:
    assert "no rows" in refusal(parquet(SALES.clear()), "sales/drop.parquet")


def test_bytes_that_are_not_utf8_are_named_by_line_and_byte() -> None:
    message = refusal(sales_csv("A,1,2024-02-01,3") + "Zürich,1,2024-02-01,3\n".encode("latin-1"))
    assert "Line 3 is not UTF-8 text (byte 0xfc, perhaps Latin-1)" in message


def test_utf16_text_is_recognized() -> None:
    assert "this is UTF-16" in refusal(GOOD.decode().encode("utf-16"))


def test_a_zip_bomb_is_refused_before_it_unfolds() -> None:
    bomb = gzip.compress(b"0" * 50_000_000)  # 50 MB from 50 kB: 1,000 times
    message = refusal(bomb, "sales/bomb.csv.gz")
    assert "more than" in message
    assert "compressed" in message


def test_a_file_of_absurd_size_is_refused() -> None:
    assert "more than 10 are not read" in refusal(GOOD, limits=Limits(file_bytes=10))


@pytest.mark.parametrize("path", ["sales/drop.csv", "sales/drop.parquet"])
def test_an_absurd_number_of_rows_is_refused(path: str) -> None:
    data = GOOD if path.endswith("csv") else parquet(SALES)
    assert "at least 2 rows" in refusal(data, path, limits=Limits(rows=1))


@pytest.mark.parametrize("row", [",1,2024-02-01,3", "A, ,2024-02-01,3", "A,1,,3", "A,1,2024-02-01,"])
def test_missing_keys_and_units_are_refused(row: str) -> None:
    assert "in row 1 is missing" in refusal(sales_csv(row))


def test_negative_units_are_refused_under_the_policy_reject() -> None:
    message = refusal(sales_csv("A,1,2024-02-01,3", "A,2,2024-02-01,-2"))
    assert "units_sold -2.0 in row 2 is negative" in message
    assert "policy.negative_units" in message


def test_absurd_units_are_refused() -> None:
    message = refusal(sales_csv("A,1,2024-02-01,4000000"))
    assert "units_sold 4000000.0 in row 1 is above 1e+06" in message


@pytest.mark.parametrize("path", ["sales/drop.xlsx", "sales/drop.csv.zip", "sales/drop"])
def test_an_unknown_ending_is_refused(path: str) -> None:
    assert ".csv, .csv.gz, .parquet" in refusal(GOOD, path)


def test_a_parquet_file_called_csv_is_refused() -> None:
    assert "called CSV but is a Parquet file" in refusal(parquet(SALES))


def test_a_quotation_mark_that_is_not_closed_is_refused() -> None:
    message = refusal(sales_csv('A,"1,2024-02-01,3', "A,2,2024-02-01,3"))
    assert "quotation mark" in message


def test_a_column_of_the_wrong_parquet_type_is_refused() -> None:
    frame = SALES.with_columns(qty=pl.lit([1, 2]))
    assert "Parquet type List(" in refusal(parquet(frame), "sales/drop.parquet")


def test_a_timestamp_within_the_day_is_no_date() -> None:
    frame = SALES.with_columns(day=pl.datetime(2024, 2, 1, 13, 5))
    assert "2024, 2, 1, 13, 5" in refusal(parquet(frame), "sales/drop.parquet")


def test_a_covariate_beyond_any_plan_is_refused() -> None:
    data = b"store_id,item_id,date,sell_price\nA,1,2924-02-01,3\n"
    assert "is after any plan" in refusal(data, "prices/p.csv", table="prices")


@settings(deadline=None, max_examples=60, derandomize=True)
@given(st.integers(0, len(parquet(SALES)) - 1), st.integers(1, 255))
def test_a_flipped_byte_is_either_harmless_or_refused(position: int, flip: int) -> None:
    data = bytearray(parquet(SALES))
    data[position] ^= flip
    with suppress(BadDropError):  # anything else, or the end of the process, fails
        read_drop(bytes(data), "sales/drop.parquet", "sales", DATASET, today=TODAY)


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_with_a_reason(tail: bytes) -> None:
    with suppress(BadDropError):
        read_drop(HEADER.encode() + tail, "sales/drop.csv", "sales", DATASET, today=TODAY)


def test_a_parquet_file_whose_sizes_are_damaged_never_reaches_polars() -> None:
    data = bytearray(parquet(SALES))
    data[-8:-4] = (10**9).to_bytes(4, "little")  # the footer's length, beyond the file
    assert "no complete Parquet file" in refusal(bytes(data), "sales/drop.parquet")


def test_a_parquet_file_that_would_unfold_beyond_the_limit_is_refused() -> None:
    data = parquet(pl.select(shop=pl.int_range(100_000)))  # 800,000 bytes of Int64
    message = refusal(data, "sales/drop.parquet", limits=Limits(content_bytes=500_000))
    assert "decompressed bytes" in message
