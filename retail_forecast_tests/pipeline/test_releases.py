"""When each series first sold: past years are read once, and again when they were corrected."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from retail_forecast.errors import NotFoundError
from retail_forecast.lake import Lake
from retail_forecast.pipeline.features import read_releases
from retail_forecast_tests.pipeline.small_lake import new_lake, publish_days

YEARS = (2022, 2023, 2024)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Two days at the start of each year: a sells from 2022-01-02, b from 2023-01-01, c from 2024-01-02."""
    lake = new_lake(tmp_path)
    for year in YEARS:
        sold = {"a": [float(year > 2022), 1], "b": [float(year > 2022)] * 2, "c": [0, float(year > 2023)]}
        publish_days(lake, sold, start=date(year, 1, 1))
    return lake


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The years whose parts are read, as they are."""
    years: list[str] = []

    def scan(paths: list[str], **options: Any) -> pl.LazyFrame:
        years.append(Path(paths[0]).parent.name[:4])
        return scan_parquet(paths, **options)

    scan_parquet = pl.scan_parquet
    monkeypatch.setattr(pl, "scan_parquet", scan)
    return years


def first(lake: Lake, cutoff: date) -> dict[str, str]:
    found = read_releases(lake, cutoff=cutoff, keep=True)
    return {item: str(day) for item, day in found.select("item_id", "release").iter_rows()}


def test_a_series_is_released_by_its_first_sale_up_to_the_cutoff(lake: Lake) -> None:
    assert first(lake, date(2022, 1, 1)) == {}
    assert first(lake, date(2023, 6, 1)) == {"a": "2022-01-02", "b": "2023-01-01"}
    assert first(lake, date(2024, 1, 2)) == {"a": "2022-01-02", "b": "2023-01-01", "c": "2024-01-02"}


def test_years_that_are_over_are_read_once(lake: Lake, scans: list[str]) -> None:
    first(lake, date(2024, 1, 1))
    first(lake, date(2024, 1, 2))
    assert scans == ["2022", "2023", "2024", "2024"]


def test_who_does_not_publish_writes_nothing_to_the_lake(lake: Lake) -> None:
    before = [(info.path, info.e_tag) for info in lake.store.list()]
    assert read_releases(lake, cutoff=date(2024, 1, 2)).height == 3  # a, b and c
    assert [(info.path, info.e_tag) for info in lake.store.list()] == before


def test_a_corrected_year_is_read_again_and_replaces_what_was_kept(lake: Lake, scans: list[str]) -> None:
    first(lake, date(2024, 1, 2))
    publish_days(lake, {"c": [1]}, start=date(2023, 1, 1))
    assert first(lake, date(2024, 1, 2))["c"] == "2023-01-01"
    assert scans == ["2022", "2023", "2024", "2023", "2024"]
    assert len(list(lake.store.list("releases"))) == 2


def test_sales_that_all_lie_after_the_cutoff_are_asked_for(lake: Lake) -> None:
    with pytest.raises(NotFoundError, match="Sales until 2021-12-31"):
        read_releases(lake, cutoff=date(2021, 12, 31))


def test_months_of_the_last_year_that_are_over_are_read_once(tmp_path: Path, scans: list[str]) -> None:
    lake = new_lake(tmp_path)
    for month in (1, 2, 3):  # a sells from January, b from February, c from March on
        publish_days(
            lake, {item: [float(month > later)] for later, item in enumerate("abc")}, start=date(2024, month, 1)
        )
    for _ in range(2):
        assert first(lake, date(2024, 3, 1)) == {"a": "2024-01-01", "b": "2024-02-01", "c": "2024-03-01"}
    assert scans == ["2024"] * 4  # each month at first, then the last one only
