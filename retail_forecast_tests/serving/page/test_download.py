"""Forecasts as files: read back as a spreadsheet would read them."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
import zipfile
from datetime import date
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from starlette.testclient import TestClient

from retail_forecast.serving.downloads import csv_file, excel_file, file_name, forecast_frame
from retail_forecast_tests.serving.test_app import problem_of

SERIES = {"store_id": "S1", "item_id": "bread"}
PERIOD = {"date": "2024-10-01", "lead": 1, "mean": 1234.5678, "quantiles": {"0.05": 0.25, "0.95": 2000.0}}
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1"]  # the last: a full-width equals sign
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def cells(workbook: bytes, sheet: int = 1) -> dict[str, tuple[str, Any]]:
    """Every cell of a sheet: its kind ("s" for text, "n" for a number) and its value."""
    folder = zipfile.ZipFile(io.BytesIO(workbook))
    texts = ["".join(one.itertext()) for one in ET.fromstring(folder.read("xl/sharedStrings.xml"))]
    found = {}
    for cell in ET.fromstring(folder.read(f"xl/worksheets/sheet{sheet}.xml")).iter(f"{SHEET}c"):
        kind, value = cell.get("t", "n"), cell.findtext(f"{SHEET}v")
        found[cell.get("r", "")] = (kind, texts[int(value or 0)] if kind == "s" else float(value or 0))
    return found


def test_a_csv_file_reads_back_as_the_published_numbers(client: TestClient) -> None:
    answer = client.get("/v1/download", params={**SERIES, "format": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    read = pl.read_csv(answer.content, try_parse_dates=True)
    published = client.get("/v1/forecasts/S1/bread").json()
    expected = forecast_frame(SERIES, published["forecasts"]).with_columns(pl.col("lead").cast(pl.Int64))
    assert_frame_equal(read.select(expected.columns), expected)
    assert read["vintage"].unique().to_list() == [published["vintage"]]


def test_an_excel_file_has_dates_and_numbers_with_their_formats(client: TestClient) -> None:
    answer = client.get("/v1/download", params={**SERIES, "format": "xlsx"})
    found = cells(answer.content)
    day = (date(2024, 10, 1) - date(1899, 12, 30)).days  # how a spreadsheet counts days
    mean = client.get("/v1/forecasts/S1/bread").json()["forecasts"][0]["mean"]
    assert [found[place] for place in ("A2", "C2", "D2", "E2")] == [("s", "S1"), ("n", day), ("n", 1), ("n", mean)]
    styles = zipfile.ZipFile(io.BytesIO(answer.content)).read("xl/styles.xml").decode()
    assert 'formatCode="yyyy-mm-dd"' in styles
    assert 'formatCode="#,##0.00"' in styles


def test_an_excel_file_says_where_its_numbers_come_from(client: TestClient) -> None:
    answer = client.get("/v1/download", params={**SERIES, "format": "xlsx"})
    told = {value for _, value in cells(answer.content, sheet=2).values()}
    assert {answer.headers["x-forecast-vintage"], "model_version", "cutoff"} <= told


@pytest.mark.parametrize("text", FORMULAS)
def test_a_name_never_becomes_a_formula(text: str) -> None:
    frame = forecast_frame({"store_id": "S1", "item_id": text}, [PERIOD])
    read = pl.read_csv(csv_file(frame, {"vintage": text}))
    assert read.select("item_id", "vintage").row(0) == (f"'{text}", f"'{text}")
    workbook = excel_file(frame, {"vintage": text})
    kind, value = cells(workbook)["B2"]
    assert (kind, value.replace("_x000D_", "\r")) == ("s", text)  # how the format writes a carriage return
    assert b"<f>" not in zipfile.ZipFile(io.BytesIO(workbook)).read("xl/worksheets/sheet1.xml")


def test_a_group_is_a_file_too(client: TestClient) -> None:
    answer = client.get("/v1/download", params={"level": "store_id", "group": "S1"})
    read = pl.read_csv(answer.content)
    assert read.select("level", "group").unique().row(0) == ("store_id", "S1")
    assert read["mean"].to_list() == [one["mean"] for one in client.get("/v1/levels/store_id/S1").json()["forecasts"]]


def test_a_negative_number_stays_a_number() -> None:
    frame = forecast_frame(SERIES, [{**PERIOD, "mean": -1.5}])
    assert pl.read_csv(csv_file(frame, {}))["mean"].to_list() == [-1.5]


def test_the_file_is_named_after_what_is_in_it(client: TestClient) -> None:
    answer = client.get("/v1/download", params={"store_id": "S1", "item_id": "eggs/6"})
    vintage = answer.headers["x-forecast-vintage"]
    assert answer.headers["content-disposition"] == f'attachment; filename="forecasts-S1-eggs-6-{vintage}.csv"'
    assert file_name('a"\r\nb', "Đ", file_format="xlsx") == "a-b.xlsx"


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"store_id": "S1"},
        {"level": "total"},
        {**SERIES, "level": "total", "group": "total"},
        {**SERIES, "format": "pdf"},
    ],
)
def test_a_question_that_names_not_one_thing_is_refused(client: TestClient, query: dict[str, str]) -> None:
    problem_of(client.get("/v1/download", params=query), 422, "invalid-request")


def test_an_unknown_item_is_named(client: TestClient) -> None:
    problem_of(client.get("/v1/download", params={**SERIES, "item_id": "tea"}), 404, "unknown-item")
