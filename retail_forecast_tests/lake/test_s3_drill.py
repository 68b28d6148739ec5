"""Drills: S3 that refuses calls for a while, and S3 that goes on refusing. Figures are in docs/reliability.md."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from retail_forecast.emulator import Cloud
from retail_forecast.errors import AwsError
from retail_forecast.lake import Lake, open_lake
from retail_forecast.lake.tables import NewPart

DAYS = [f"2024-{month:02d}-{day:02d}" for month in (1, 2, 3, 4) for day in range(1, 26)]
ACTIONS = ("PutObject", "GetObject", "HeadObject", "ListObjectsV2")
IMPATIENT = {"max_retries": 1, "retry_timeout": timedelta(seconds=5)}


def plan_trouble(cloud: Cloud, bucket: str) -> int:
    """Refuses every tenth day's first calls twice each, and those around the manifest; says how many it refuses."""
    sales = f"{bucket}/lake/tables/sales"
    faults = [("PutObject", "SlowDown", f"{sales}/{day}/*") for day in DAYS[::10]]
    faults += [("HeadObject", "InternalError", f"{sales}/{day}/*") for day in DAYS[::10]]
    faults += [("GetObject", "InternalError", f"{sales}/{DAYS[-1]}/*"), ("ListObjectsV2", "SlowDown", bucket)]
    faults += [(action, "SlowDown", f"{sales}/_manifests/*") for action in ("PutObject", "GetObject")]
    for action, code, resource in faults:
        cloud.plan_fault("s3", action, code, times=2, resource=resource)
    return 2 * len(faults)


def fill(lake: Lake) -> None:
    """A hundred days, then corrections of half of them in five publications."""
    table = lake.table("sales")
    table.publish({day: NewPart(pl.DataFrame({"day": [day], "units_sold": [1]})) for day in DAYS})
    for start in range(5):
        days = DAYS[start:50:5]
        table.publish({day: NewPart(pl.DataFrame({"day": [day], "units_sold": [start + 2]})) for day in days})


def rows(lake: Lake) -> pl.DataFrame:
    scan = lake.table("sales").scan()
    assert scan is not None
    return scan.collect()


@pytest.mark.slow
def test_a_lake_that_was_filled_while_s3_refused_calls_is_the_one_that_was_not(
    aws_cloud: Cloud, tmp_path: Path
) -> None:
    calm, bucket = open_lake(tmp_path.as_uri()), aws_cloud.new_bucket()
    fill(calm)
    rough, refused = open_lake(f"s3://{bucket}/lake"), plan_trouble(aws_cloud, bucket)
    begun = time.monotonic()
    fill(rough)
    found = rows(rough)
    left = [fault for fault in aws_cloud.control("GET", "faults") if bucket in fault["resource"]]
    print(f"{refused} refused calls, {time.monotonic() - begun:.0f} s")  # noqa: T201 - for docs/reliability.md
    assert left == []
    assert_frame_equal(found, rows(calm))
    assert rough.table("sales").manifest().digest == calm.table("sales").manifest().digest
    assert rough.table("sales").manifest().version == 6


def test_a_publication_that_s3_refuses_to_the_end_leaves_what_was_there_and_can_be_repeated(aws_cloud: Cloud) -> None:
    bucket = aws_cloud.new_bucket()
    lake = open_lake(f"s3://{bucket}/lake", retry_config=IMPATIENT)
    old, new = ({"2024-01-01": NewPart(pl.DataFrame({"units_sold": [units]}))} for units in (1, 2))
    lake.table("sales").publish(old)
    aws_cloud.plan_fault("s3", "PutObject", "SlowDown", times=2, resource=f"{bucket}/lake/tables/sales/_manifests/*")
    with pytest.raises(AwsError, match=r"_manifests/000000000002\.json: .*\(SlowDown\).*try again later"):
        lake.table("sales").publish(new)
    assert rows(lake)["units_sold"].to_list() == [1]
    assert lake.table("sales").publish(new).changed == ("2024-01-01",)
    assert rows(lake)["units_sold"].to_list() == [2]
