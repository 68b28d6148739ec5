"""The arrivals sensor over a bucket whose events reach a queue."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest

from retail_forecast.emulator import Cloud
from retail_forecast.errors import ConfigurationError
from retail_forecast.orchestration.arrivals import Cursor, build_arrivals_sensor, raw_key
from retail_forecast.orchestration.resources import Platform
from retail_forecast.settings import Settings
from retail_forecast_tests.lake.buckets import CloudLanding
from retail_forecast_tests.orchestration.world import World, day, tick


@pytest.fixture
def landing(aws_cloud: Cloud) -> CloudLanding:
    return CloudLanding.make(aws_cloud)


@pytest.fixture
def platform(landing: CloudLanding, world: World) -> Platform:
    return Platform(settings_of(landing, world.home), world.dataset)


def settings_of(landing: CloudLanding, home: Path) -> Settings:
    return Settings(
        home=home,
        landing_url=f"s3://{landing.bucket}/landing",
        lake_url=f"s3://{landing.cloud.new_bucket('lake')}",
        arrivals_queue_url=landing.queue.url,
        arrivals_dead_letter_url=landing.queue.dead_letter_url,
    )


def put(landing: CloudLanding, number: int) -> None:
    row = f"north,ale,{day(number)},5"
    landing.store.write(f"sales/{day(number)}.csv", f"store_id,item_id,date,units_sold\n{row}\n".encode())


def listed_now() -> str:
    return str(Cursor(0, time.time()))


def days_told(instance: dg.DagsterInstance) -> list[str]:
    records = instance.fetch_materializations(raw_key("sales"), limit=100, ascending=True).records
    return [str(record.partition_key) for record in records]


def listings(landing: CloudLanding) -> int:
    calls = [call for call in landing.cloud.calls() if call["resource"] == landing.bucket]
    return sum(call["action"] in ("ListObjects", "ListObjectsV2") for call in calls)


def test_an_event_is_a_fact_without_a_listing(
    landing: CloudLanding, platform: Platform, instance: dg.DagsterInstance
) -> None:
    put(landing, 0)
    sensor = build_arrivals_sensor(platform)
    cursor = tick(sensor, instance, listed_now())
    assert tick(sensor, instance, cursor) == cursor
    assert days_told(instance) == [str(day(0))]
    assert listings(landing) == 0
    assert landing.left() == (0, 0)


def test_the_listing_finds_what_no_event_told(
    landing: CloudLanding, platform: Platform, instance: dg.DagsterInstance
) -> None:
    put(landing, 0)
    landing.queue.delete(landing.queue.receive(10))
    sensor = build_arrivals_sensor(platform)
    assert tick(sensor, instance, listed_now())
    assert days_told(instance) == []
    cursor = tick(sensor, instance, str(Cursor(0, time.time() - 1000)))
    assert days_told(instance) == [str(day(0))]
    assert Cursor.parse(cursor).listed_at > time.time() - 60


def test_a_sensor_that_lost_its_cursor_lists_first(
    landing: CloudLanding, platform: Platform, instance: dg.DagsterInstance
) -> None:
    put(landing, 0)
    cursor = tick(build_arrivals_sensor(platform), instance, None)
    assert (days_told(instance), listings(landing)) == ([str(day(0))], 1)
    tick(build_arrivals_sensor(platform), instance, cursor)  # the event of what is known by now
    assert (days_told(instance), landing.left()) == ([str(day(0))], (0, 0))


def test_facts_outlive_a_daemon_that_died_after_the_messages_were_deleted(
    landing: CloudLanding, platform: Platform, instance: dg.DagsterInstance
) -> None:
    put(landing, 0)
    sensor, cursor = build_arrivals_sensor(platform), listed_now()
    sensor(dg.build_sensor_context(instance=instance, cursor=cursor))
    assert (landing.left(), days_told(instance)) == ((0, 0), [])
    tick(sensor, instance, cursor)
    assert days_told(instance) == [str(day(0))]


def test_a_message_that_was_set_aside_is_shown_with_its_reason(
    landing: CloudLanding, platform: Platform, instance: dg.DagsterInstance
) -> None:
    landing.send("{")
    tick(build_arrivals_sensor(platform), instance, listed_now())
    (record,) = instance.fetch_observations(raw_key("sales"), limit=10).records
    observed = record.event_log_entry.asset_observation
    assert observed is not None
    assert "no JSON" in str(observed.metadata["reason"].value)


def test_a_tick_on_an_empty_queue_takes_less_than_200_ms(
    landing: CloudLanding, platform: Platform, instance: dg.DagsterInstance
) -> None:
    for number in range(20):
        put(landing, number)
    sensor = build_arrivals_sensor(platform)
    cursor = tick(sensor, instance, None)
    cursor, times = tick(sensor, instance, cursor), []
    for _ in range(10):
        begun = time.perf_counter()
        assert tick(sensor, instance, cursor) == cursor
        times.append(time.perf_counter() - begun)
    assert min(times) < 0.2  # the least: how busy this machine is does not count


def test_a_tick_does_not_load_the_sagemaker_sdk(landing: CloudLanding, world: World) -> None:
    world.write_dataset()
    chosen = settings_of(landing, world.home).model_dump(mode="json", exclude_unset=True)
    code = (
        "import sys, dagster as dg\n"
        "from retail_forecast.definitions import build_defs\n"
        "from retail_forecast.settings import Settings\n"
        f"defs = build_defs(Settings(**{chosen!r}))\n"
        "with dg.DagsterInstance.ephemeral() as instance:\n"
        f"    context = dg.build_sensor_context(instance=instance, cursor={listed_now()!r})\n"
        "    defs.get_sensor_def('arrivals')(context)\n"
        "loaded = [name for name in ('boto3', 'sagemaker', 'ray', 'mlflow') if name in sys.modules]\n"
        "print(loaded)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert told.stdout.strip() == "['boto3']"


def test_a_queue_needs_a_landing_on_s3(world: World) -> None:
    settings = Settings(home=world.home, arrivals_queue_url="https://sqs.ap-southeast-1.amazonaws.com/1/q")
    with pytest.raises(ConfigurationError, match=r"RETAIL_FORECAST_LANDING_URL.*expected s3://bucket/prefix"):
        Platform(settings, world.dataset).events()
