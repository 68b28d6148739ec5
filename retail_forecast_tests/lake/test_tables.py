"""Tables are published whole, and identical content changes nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from retail_forecast.emulator import Cloud
from retail_forecast.errors import ConfigurationError, PublishConflictError
from retail_forecast.lake import Input, Lake, open_lake, open_store
from retail_forecast.lake.tables import NewPart
from retail_forecast.lake.versions import KEPT_VERSIONS, VersionedDocument


@pytest.fixture(params=["folder", "memory", "s3"])
def any_lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    if request.param == "s3":
        cloud: Cloud = request.getfixturevalue("aws_cloud")
        return open_lake(f"s3://{cloud.new_bucket()}/lake")
    return open_lake(tmp_path.as_uri() if request.param == "folder" else "memory:///")


def frame(*units: int) -> pl.DataFrame:
    return pl.DataFrame({"units_sold": units})


def test_a_new_table_is_empty(any_lake: Lake) -> None:
    assert any_lake.table("sales").manifest().version == 0
    assert any_lake.table("sales").scan() is None


def test_identical_content_changes_nothing(any_lake: Lake) -> None:
    table = any_lake.table("sales")
    first = table.publish({"2024-01-01": NewPart(frame(1)), "2024-01-02": NewPart(frame(2))})
    again = table.publish({"2024-01-02": NewPart(frame(2))})
    assert again.changed == ()
    assert again.data_version == first.data_version
    assert table.manifest().version == first.manifest.version


def test_a_corrected_partition_changes_alone(any_lake: Lake) -> None:
    table = any_lake.table("sales")
    first = table.publish({"2024-01-01": NewPart(frame(1)), "2024-01-02": NewPart(frame(2))})
    corrected = table.publish({"2024-01-02": NewPart(frame(3))})
    assert corrected.changed == ("2024-01-02",)
    assert corrected.manifest.parts["2024-01-01"] == first.manifest.parts["2024-01-01"]
    assert corrected.manifest.digest != first.manifest.digest


def test_new_inputs_of_the_same_content_are_recorded_without_a_new_data_version(any_lake: Lake) -> None:
    table = any_lake.table("sales")
    first = table.publish({"2024-01-01": NewPart(frame(1), (Input("a.csv", "1", 9, "s", 1),))})
    moved = table.publish({"2024-01-01": NewPart(frame(1), (Input("b.csv", "2", 9, "s", 1),))})
    assert moved.data_version == first.data_version
    assert table.manifest().parts["2024-01-01"].inputs[0].object == "b.csv"


def test_a_removed_partition_is_gone(any_lake: Lake) -> None:
    table = any_lake.table("sales")
    table.publish({"2024-01-01": NewPart(frame(1)), "2024-01-02": NewPart(frame(2))})
    assert table.publish({}, remove=["2024-01-01"]).changed == ("2024-01-01",)
    assert list(table.manifest().parts) == ["2024-01-02"]


def test_concurrent_writers_lose_nothing(any_lake: Lake) -> None:
    table = any_lake.table("sales")
    days = [f"2024-01-{day:02d}" for day in range(1, 13)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda day: table.publish({day: NewPart(frame(int(day[-2:])))}), days))
    assert sorted(table.manifest().parts) == days


def test_a_scan_reads_the_asked_for_days(lake: Lake) -> None:
    table = lake.table("sales")
    table.publish({f"2024-01-0{day}": NewPart(frame(day)) for day in (1, 2, 3)})
    scan = table.scan(since=date(2024, 1, 2), until=date(2024, 1, 2))
    assert scan is not None
    assert scan.collect()["units_sold"].to_list() == [2]


def test_a_reader_of_an_old_manifest_still_reads_its_content(lake: Lake) -> None:
    table = lake.table("sales")
    old = table.publish({"2024-01-01": NewPart(frame(1))}).manifest
    table.publish({"2024-01-01": NewPart(frame(5))})
    assert table.store.read_parquet([old.parts["2024-01-01"].path])["units_sold"].to_list() == [1]


def test_the_second_writer_of_a_version_is_refused(any_lake: Lake) -> None:
    document = VersionedDocument(any_lake.store, "doc")
    document.write_next(0, {"a": 1})
    with pytest.raises(PublishConflictError, match=r"000000000001\.json exists already"):
        document.write_next(0, {"a": 2})


def test_old_versions_are_pruned(any_lake: Lake) -> None:
    document = VersionedDocument(any_lake.store, "doc")
    for number in range(KEPT_VERSIONS + 5):
        document.write_next(number, {"n": number})
    assert document.versions() == list(range(6, KEPT_VERSIONS + 6))
    assert document.read() == (KEPT_VERSIONS + 5, {"n": KEPT_VERSIONS + 4})


@pytest.mark.parametrize(("url", "why"), [("foo://x", "recognise"), ("lake", "relative URL"), ("az://c", "Account")])
def test_a_url_that_is_no_store_is_named_with_the_reason(url: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"store URL: found '{url}'; expected .*s3://bucket/lake.*{why}"):
        open_store(url)
