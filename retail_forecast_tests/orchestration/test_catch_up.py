"""What stayed behind is found by comparing states, and asked for once."""

from __future__ import annotations

import dagster as dg

from retail_forecast.orchestration.arrivals import DATA_VERSION
from retail_forecast.orchestration.catch_up import build_catch_up_sensor, find_behind
from retail_forecast.orchestration.jobs import REFRESH, build_jobs, build_schedules
from retail_forecast.orchestration.partitions import RANGE_END, RANGE_START
from retail_forecast.pipeline.arrivals import look_for_arrivals
from retail_forecast.pipeline.tables import publish_table, stale_partitions
from retail_forecast_tests.orchestration.vintages import publish_last_sales
from retail_forecast_tests.orchestration.world import World, day


def publish_all(world: World) -> None:
    platform = world.platform
    look_for_arrivals(platform.lake, platform.landing, platform.dataset, settle_seconds=0)
    for table in platform.dataset.tables:
        stale = stale_partitions(platform.lake, platform.dataset, table)
        publish_table(platform.lake, platform.landing, platform.dataset, table, stale)


def look(world: World, instance: dg.DagsterInstance, cursor: str | None) -> dg.SensorResult:
    sensor = build_catch_up_sensor(world.platform, build_jobs(world.platform))
    result = sensor(dg.build_sensor_context(instance=instance, cursor=cursor))
    assert isinstance(result, dg.SensorResult)
    return result


def test_nothing_is_behind_once_the_tables_are_published(world: World, instance: dg.DagsterInstance) -> None:
    world.deliver_all(days=3)
    publish_all(world)
    assert find_behind(world.platform, instance) == {}


def test_what_is_behind_twice_is_asked_for_in_unbroken_stretches(world: World, instance: dg.DagsterInstance) -> None:
    world.deliver_all(days=4)
    publish_all(world)
    for number in (0, 1, 3):
        world.deliver(number, factor=2)
    look_for_arrivals(world.lake, world.landing, world.dataset, settle_seconds=0)
    first = look(world, instance, None)
    assert not first.run_requests
    second = look(world, instance, first.cursor)
    ranges = [(request.tags[RANGE_START], request.tags[RANGE_END]) for request in second.run_requests or []]
    assert ranges == [(str(day(0)), str(day(1))), (str(day(3)), str(day(3)))]


def test_a_request_has_the_same_key_until_the_content_changes(world: World, instance: dg.DagsterInstance) -> None:
    world.deliver_all(days=2)
    look_for_arrivals(world.lake, world.landing, world.dataset, settle_seconds=0)
    cursor = look(world, instance, None).cursor
    keys = [request.run_key for request in look(world, instance, cursor).run_requests or []]
    again = [request.run_key for request in look(world, instance, cursor).run_requests or []]
    assert keys == again
    assert len(keys) == 2  # sales, and one run for prices and stores
    world.deliver(0, factor=2)
    look_for_arrivals(world.lake, world.landing, world.dataset, settle_seconds=0)
    other = look(world, instance, cursor)
    assert other.cursor != cursor
    assert not other.run_requests


def test_the_standing_check_names_what_is_behind(world: World, instance: dg.DagsterInstance) -> None:
    world.deliver_all(days=1)
    look_for_arrivals(world.lake, world.landing, world.dataset, settle_seconds=0)
    checks = [event for event in look(world, instance, None).asset_events if isinstance(event, dg.AssetCheckEvaluation)]
    sales = next(check for check in checks if check.asset_key == dg.AssetKey("sales"))
    assert not sales.passed
    assert sales.metadata["partitions"].value == str(day(0))


def test_an_empty_home_is_not_behind(world: World, instance: dg.DagsterInstance) -> None:
    assert find_behind(world.platform, instance) == {}


def tell_deployed(instance: dg.DagsterInstance, vintage: str) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization("endpoint", tags={DATA_VERSION: vintage}))


def test_an_endpoint_that_was_left_behind_is_asked_for_without_the_forecasts(
    world: World, instance: dg.DagsterInstance
) -> None:
    world.deliver_all(days=3)
    publish_all(world)
    tell_deployed(instance, publish_last_sales(world, model_version="1").id)
    assert find_behind(world.platform, instance) == {}
    second = publish_last_sales(world, model_version="2")
    assert find_behind(world.platform, instance) == {"endpoint": [second.id]}
    cursor = look(world, instance, None).cursor
    (request,) = look(world, instance, cursor).run_requests or []
    assert request.job_name == REFRESH
    assert [key.to_user_string() for key in request.asset_selection or []] == ["endpoint", "forecast_accuracy", "drift"]
    tell_deployed(instance, second.id)
    assert find_behind(world.platform, instance) == {}


def test_forecasts_behind_a_corrected_day_are_asked_for(world: World, instance: dg.DagsterInstance) -> None:
    world.deliver_all(days=3)
    publish_all(world)
    vintage = publish_last_sales(world)
    world.deliver(0, factor=2)
    publish_all(world)
    assert find_behind(world.platform, instance) == {"forecasts": [vintage.id]}


def test_forecasts_that_a_blocking_check_of_sales_holds_back_are_not_asked_for(
    world: World, instance: dg.DagsterInstance
) -> None:
    world.deliver_all(days=3)
    publish_all(world)
    vintage = publish_last_sales(world)
    world.deliver(3, stores=["north"])  # south reported on each day before
    publish_all(world)
    assert find_behind(world.platform, instance) == {}
    world.deliver(3)
    publish_all(world)
    assert find_behind(world.platform, instance) == {"forecasts": [vintage.id]}


def test_a_vintage_that_a_blocking_check_holds_back_is_not_served(world: World, instance: dg.DagsterInstance) -> None:
    world.deliver_all(days=3)
    publish_all(world)
    tell_deployed(instance, publish_last_sales(world).id)
    publish_last_sales(world, share_of_series=0.5)  # three of the six series that sold
    assert find_behind(world.platform, instance) == {}


def test_the_nightly_forecast_waits_while_sales_are_unsound(world: World, instance: dg.DagsterInstance) -> None:
    nightly = next(one for one in build_schedules(world.platform) if one.name == "refresh_forecasts_nightly")
    context = dg.build_schedule_context(instance)
    world.deliver_all(days=3)
    publish_all(world)
    assert len(nightly.evaluate_tick(context).run_requests or []) == 1
    world.deliver(3, stores=["north"])
    publish_all(world)
    assert not nightly.evaluate_tick(context).run_requests
