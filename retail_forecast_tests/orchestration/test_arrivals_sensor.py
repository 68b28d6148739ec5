"""What the arrivals sensor tells Dagster, through a real instance; the listing itself is tested with the lake."""

from __future__ import annotations

import os

import dagster as dg
import pytest

from retail_forecast.orchestration import arrivals
from retail_forecast.orchestration.arrivals import DATA_VERSION, build_arrivals_sensor, raw_key
from retail_forecast.orchestration.resources import Platform
from retail_forecast_tests.orchestration.world import World, day, tick


def versions(instance: dg.DagsterInstance) -> dict[str, str]:
    kind = dg.DagsterEventType.ASSET_MATERIALIZATION
    tags = instance.event_log_storage.get_latest_tags_by_partition(raw_key("sales"), kind, [DATA_VERSION])
    return {partition: found[DATA_VERSION] for partition, found in tags.items()}


def events(instance: dg.DagsterInstance, table: str = "sales") -> int:
    return len(instance.fetch_materializations(raw_key(table), limit=1000).records)


def observations(instance: dg.DagsterInstance, table: str = "sales") -> list[dict[str, object]]:
    records = instance.fetch_observations(raw_key(table), limit=100).records
    found = [record.event_log_entry.asset_observation for record in records]
    return [{name: value.value for name, value in one.metadata.items()} for one in found if one is not None]


def test_a_new_file_is_one_fact_of_its_day(world: World, instance: dg.DagsterInstance) -> None:
    sensor = build_arrivals_sensor(world.platform)
    world.deliver(0)
    tick(sensor, instance, None)
    assert set(versions(instance)) == {str(day(0))}


def test_a_look_without_news_reports_nothing(world: World, instance: dg.DagsterInstance) -> None:
    sensor = build_arrivals_sensor(world.platform)
    world.deliver(0)
    cursor = tick(sensor, instance, None)
    assert tick(sensor, instance, cursor) == cursor
    assert events(instance) == 1


def test_an_identical_redelivery_is_no_fact(world: World, instance: dg.DagsterInstance) -> None:
    sensor = build_arrivals_sensor(world.platform)
    world.deliver(0)
    cursor = tick(sensor, instance, None)
    world.deliver(0)
    tick(sensor, instance, cursor)
    assert events(instance) == 1


def test_a_corrected_old_file_changes_the_version_of_its_day_alone(world: World, instance: dg.DagsterInstance) -> None:
    sensor = build_arrivals_sensor(world.platform)
    world.deliver(0)
    world.deliver(1)
    cursor = tick(sensor, instance, None)
    before = versions(instance)
    world.deliver(0, factor=2)
    tick(sensor, instance, cursor)
    after = versions(instance)
    assert {partition for partition in after if after[partition] != before[partition]} == {str(day(0))}


def test_two_files_of_the_same_second_are_both_seen(world: World, instance: dg.DagsterInstance) -> None:
    sensor = build_arrivals_sensor(world.platform)
    first = world.deliver(0)
    cursor = tick(sensor, instance, None)
    second = world.deliver(1)
    stamp = first.stat().st_mtime_ns
    os.utime(second, ns=(stamp, stamp))
    tick(sensor, instance, cursor)
    assert set(versions(instance)) == {str(day(0)), str(day(1))}


def test_a_file_that_is_still_being_written_waits(world: World, instance: dg.DagsterInstance) -> None:
    patient = world.settings.model_copy(update={"settle_seconds": 3600.0})
    platform = Platform(patient, world.dataset)
    world.deliver(0)
    assert tick(build_arrivals_sensor(platform), instance, "0") == "0"
    assert versions(instance) == {}
    tick(build_arrivals_sensor(world.platform), instance, "0")
    assert set(versions(instance)) == {str(day(0))}


def test_a_deleted_file_is_named_and_its_day_stays(world: World, instance: dg.DagsterInstance) -> None:
    sensor = build_arrivals_sensor(world.platform)
    file = world.deliver(0)
    cursor = tick(sensor, instance, None)
    file.unlink()
    tick(sensor, instance, cursor)
    assert [(one["object"], one["state"]) for one in observations(instance)] == [(f"sales/{day(0)}.csv", "deleted")]
    assert events(instance) == 1


def test_a_rejected_file_is_named_with_its_reason_and_the_check_fails(
    world: World, instance: dg.DagsterInstance
) -> None:
    sensor = build_arrivals_sensor(world.platform)
    world.deliver(0)
    world.put("sales/broken.csv", b"not,what,was\nexpected,at,all\n")
    tick(sensor, instance, None)
    assert observations(instance)[0]["object"] == "sales/broken.csv"
    assert "missing" in str(observations(instance)[0]["reason"])
    key = dg.AssetCheckKey(dg.AssetKey("sales"), "landing_files_are_readable")
    record = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)[0]
    assert record.event is not None
    assert "sales/broken.csv" in record.event.get_dagster_event().asset_check_evaluation_data.metadata
    assert set(versions(instance)) == {str(day(0))}


def test_many_facts_come_in_portions_and_none_is_lost(
    world: World, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "FACTS_PER_TICK", 2)
    sensor = build_arrivals_sensor(world.platform)
    for number in range(5):
        world.deliver(number)
    cursor: str | None = None
    for _ in range(3):
        cursor = tick(sensor, instance, cursor)
    assert set(versions(instance)) == {str(day(number)) for number in range(5)}
    assert cursor is not None


def test_facts_that_were_not_stored_are_reported_again(world: World, instance: dg.DagsterInstance) -> None:
    sensor = build_arrivals_sensor(world.platform)
    world.deliver(0)
    sensor(dg.build_sensor_context(instance=instance))  # the daemon dies before it stores the events
    assert versions(instance) == {}
    tick(sensor, instance, None)
    assert set(versions(instance)) == {str(day(0))}
