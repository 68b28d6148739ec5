"""What is removed from the lake, and what is still there for those who need it."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from retail_forecast.errors import NotFoundError
from retail_forecast.lake import Lake
from retail_forecast.lake.artifacts import Artifact
from retail_forecast.lake.retention import find_lineage, remove_folders, remove_parts, retire_vintage
from retail_forecast.lake.tables import NewPart, Published
from retail_forecast.lake.versions import KEPT_VERSIONS
from retail_forecast.lake.vintages import list_vintages, read_vintage, scan_forecasts
from retail_forecast_tests.pipeline.small_lake import publish_constant_vintage

NOW = datetime.now(UTC)
LATER = NOW + timedelta(days=1)
CUTOFF = date(2024, 1, 4)


def publish(lake: Lake, units: int) -> Published:
    return lake.table("sales").publish({"2024-01-01": NewPart(pl.DataFrame({"units_sold": [units]}))})


def parts(lake: Lake) -> list[str]:
    return [info.path for info in lake.store.list("tables") if info.path.endswith(".parquet")]


def test_the_lineage_of_a_retired_vintage_is_what_it_was(lake: Lake, tmp_path: Path) -> None:
    old = publish_constant_vintage(lake, tmp_path, CUTOFF, {"a": 1}, id="v1")
    publish_constant_vintage(lake, tmp_path, CUTOFF, {"a": 2}, id="v2")
    assert retire_vintage(lake, "v1").objects > 2
    assert find_lineage(lake, "v1") == old
    assert find_lineage(lake, "v3") is None
    assert [vintage.id for vintage in list_vintages(lake)] == ["v2"]
    with pytest.raises(NotFoundError, match="v1"):
        scan_forecasts(lake, "v1")


def test_a_retired_vintage_that_is_made_again_is_published_anew(lake: Lake, tmp_path: Path) -> None:
    publish_constant_vintage(lake, tmp_path, CUTOFF, {"a": 1}, id="v1")
    publish_constant_vintage(lake, tmp_path, CUTOFF, {"a": 2}, id="v2")
    retire_vintage(lake, "v1")
    publish_constant_vintage(lake, tmp_path, CUTOFF, {"a": 1}, id="v1")
    assert scan_forecasts(lake, "v1").collect()["mean"].unique().to_list() == [1.0]


def test_the_vintage_in_force_is_never_retired(lake: Lake, tmp_path: Path) -> None:
    publish_constant_vintage(lake, tmp_path, CUTOFF, {"a": 1}, id="v1")
    assert retire_vintage(lake, "v1").objects == 0
    assert read_vintage(lake, "v1").id == "v1"


def test_half_written_vintages_go_and_whole_ones_stay(lake: Lake, tmp_path: Path) -> None:
    publish_constant_vintage(lake, tmp_path, CUTOFF, {"a": 1}, id="v1")
    lake.store.write("vintages/half/forecasts.parquet", b"x")
    assert remove_folders(lake, "vintages", kept=(), before=NOW - timedelta(days=1), marker="vintage.json").objects == 0
    assert remove_folders(lake, "vintages", kept=(), before=LATER, marker="vintage.json").objects == 1
    assert scan_forecasts(lake, "v1").collect().height == 4


def test_an_artifact_goes_once_it_is_old_unless_it_is_kept(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "rows.json").write_text("{}")
    for name in ("a", "b"):
        Artifact(lake, "features", name).publish(tmp_path / "made", {})
    assert remove_folders(lake, "features", kept=["a"], before=NOW - timedelta(days=1)).objects == 0
    assert remove_folders(lake, "features", kept=["a"], before=LATER).objects == 2  # rows.json and _done.json
    assert Artifact(lake, "features", "a").is_published()
    assert not Artifact(lake, "features", "b").is_published()


def test_a_part_stays_while_a_kept_manifest_lists_it(lake: Lake) -> None:
    publish(lake, 1)
    publish(lake, 2)
    assert remove_parts(lake, kept=(), before=LATER).objects == 0
    assert lake.store.read_parquet([lake.table("sales").manifest(1).parts["2024-01-01"].path]).height == 1


def test_a_part_that_no_kept_manifest_lists_goes_unless_somebody_else_needs_it(lake: Lake) -> None:
    first, second, *_ = [publish(lake, units) for units in range(KEPT_VERSIONS + 2)]
    dropped = [one.manifest.parts["2024-01-01"].path for one in (first, second)]  # the last twenty manifests are kept
    assert remove_parts(lake, kept=dropped[:1], before=LATER).objects == 1
    assert dropped[0] in parts(lake)
    assert len(parts(lake)) == KEPT_VERSIONS + 1


def test_what_a_reader_may_still_read_stays_although_no_manifest_lists_it(folder_lake: Lake) -> None:
    publish(folder_lake, 0)
    reader = folder_lake.table("sales").scan()
    for units in range(1, KEPT_VERSIONS + 3):
        publish(folder_lake, units)
    for path in parts(folder_lake):  # parts are old, and were replaced a moment ago
        os.utime(folder_lake.store.url_of(path), (0, 0))
    assert remove_parts(folder_lake, kept=(), before=NOW - timedelta(hours=6)).objects == 0
    assert reader is not None
    assert reader.collect()["units_sold"].to_list() == [0]


def test_a_part_of_a_killed_writer_goes_when_it_is_old(folder_lake: Lake) -> None:
    publish(folder_lake, 1)
    left = folder_lake.table("sales").write("2024-01-02", NewPart(pl.DataFrame({"units_sold": [2]})))
    assert remove_parts(folder_lake, kept=(), before=NOW - timedelta(hours=6)).objects == 0
    os.utime(folder_lake.store.url_of(left.path), (0, 0))
    assert remove_parts(folder_lake, kept=(), before=NOW - timedelta(hours=6)).objects == 1


def test_a_writer_who_finds_his_part_there_makes_it_new_again(folder_lake: Lake) -> None:
    new = NewPart(pl.DataFrame({"units_sold": [2]}))
    left = folder_lake.table("sales").write("2024-01-02", new)
    os.utime(folder_lake.store.url_of(left.path), (0, 0))
    folder_lake.table("sales").write("2024-01-02", new)
    assert remove_parts(folder_lake, kept=(), before=NOW - timedelta(hours=6)).objects == 0
