"""Events are lost, doubled, shuffled and late, and the sensor is killed mid-tick: no object is missed or told twice."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from retail_forecast.emulator import Cloud
from retail_forecast.pipeline.tables import publish_table
from retail_forecast_tests.lake.buckets import CloudLanding
from retail_forecast_tests.orchestration.event_drill import Drill


def run(drill: Drill, *, kills: int, seconds: float) -> None:
    begun = time.monotonic()
    drill.prepare()
    with drill.events() as sender:
        drill.kill_mid_tick(kills)
        drill.run_until(36_000, lambda: not sender.is_alive() and drill.queue_is_empty(), seconds)
    known = drill.ledger().entries
    assert set(drill.days) - {path[6:16] for path in known} == drill.lost
    drill.figures["found by events alone"] = len(known)
    drill.run_until(1, lambda: len(drill.reported()) == drill.objects, seconds)
    drill.figures["seconds"] = round(time.monotonic() - begun)


def check(drill: Drill) -> None:
    told = drill.told()
    drill.figures["told twice"] = sum(count - 1 for count in told.values())
    drill.figures["missed"] = drill.objects - len({day for day, _ in told})
    assert drill.figures["told twice"] == 0
    assert drill.figures["missed"] == 0
    ledger = drill.ledger().data_versions
    assert drill.reported() == {day: version for (_, day), version in ledger.items()}
    platform = drill.platform()
    publish_table(platform.lake, platform.landing, drill.dataset, "sales", drill.days, workers=4)
    sales = platform.lake.table("sales").scan()
    assert sales is not None
    rows = dict(sales.select("date", "units_sold").collect().iter_rows())
    # 5 units a day, and 6 where a correction followed, in one row for each object
    assert {day.isoformat(): units for day, units in rows.items()} == {
        day: 6 if day in drill.corrected else 5 for day in drill.days
    }
    assert sum(part.rows for part in platform.lake.table("sales").manifest().parts.values()) == drill.objects


def test_events_that_are_lost_doubled_and_shuffled_make_each_object_one_fact(aws_cloud: Cloud, tmp_path: Path) -> None:
    landing = CloudLanding.make(aws_cloud, "none")
    drill = Drill(landing, tmp_path / "home", 40, lost_share=0.1, corrected_share=0.1, visibility_seconds=2)
    run(drill, kills=1, seconds=60)
    check(drill)


@pytest.mark.slow
def test_five_thousand_objects_arrive_exactly_once_however_often_the_sensor_is_killed(
    aws_cloud: Cloud, tmp_path: Path
) -> None:
    landing = CloudLanding.make(aws_cloud, "none")
    drill = Drill(landing, tmp_path / "home", 5_000)
    run(drill, kills=8, seconds=3_000)
    check(drill)
    print(json.dumps(drill.figures))  # noqa: T201 - for docs/reliability.md
