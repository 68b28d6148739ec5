"""The job that tidies the lake: what it leaves alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from retail_forecast.lake.vintages import list_vintages
from retail_forecast.orchestration.jobs import build_prune_lake
from retail_forecast.orchestration.lake_retention import deployed_vintage, prune
from retail_forecast.orchestration.resources import Platform, build_resources
from retail_forecast.pipeline.arrivals import look_for_arrivals
from retail_forecast.pipeline.tables import publish_table, stale_partitions
from retail_forecast_tests.orchestration.vintages import publish_last_sales
from retail_forecast_tests.orchestration.world import World

LATER = datetime.now(UTC) + timedelta(days=40)


@pytest.fixture
def platform(world: World) -> Platform:
    """Three days of sales; of vintages one stays beside those that are needed."""
    world.deliver_all(days=3)
    platform = Platform(world.settings.model_copy(update={"keep_vintages": 1}), world.dataset)
    look_for_arrivals(platform.lake, platform.landing, platform.dataset, settle_seconds=0)
    for table in platform.dataset.tables:
        stale = stale_partitions(platform.lake, platform.dataset, table)
        publish_table(platform.lake, platform.landing, platform.dataset, table, stale)
    return platform


def test_the_vintage_that_was_deployed_stays_also_when_others_are_newer(
    platform: Platform, world: World, instance: dg.DagsterInstance
) -> None:
    first, second, third = (publish_last_sales(world, model_version=version) for version in "123")
    instance.report_runless_asset_event(dg.AssetMaterialization("endpoint", tags={"dagster/data_version": second.id}))
    assert deployed_vintage(instance) == second.id
    assert prune(platform, served=[second.id], now=LATER).objects == 3  # vintage.json, forecasts, features of the first
    assert {vintage.id for vintage in list_vintages(platform.lake)} == {second.id, third.id}
    assert platform.lake.store.exists(f"retired/{first.id}.json")


def test_what_the_last_training_made_stays(platform: Platform) -> None:
    for kind, name in (("features", "f"), ("models", "m"), ("backtests", "b"), ("features", "old"), ("models", "old")):
        platform.lake.store.write(f"{kind}/{name}/_done.json", b"{}")
    progress = {"request": "r", "cutoff": "2024-01-03", "features": "f", "model": "m", "backtest": "b"}
    platform.lake.store.write("training_progress.json", json.dumps(progress).encode())
    assert prune(platform, served=[]).objects == 0  # nothing is old yet
    assert prune(platform, served=[], now=LATER).objects == 2
    left = [info.path for kind in ("features", "models", "backtests") for info in platform.lake.store.list(kind)]
    assert left == ["features/f/_done.json", "models/m/_done.json", "backtests/b/_done.json"]


def test_the_job_runs_and_tells_what_it_removed(platform: Platform, instance: dg.DagsterInstance) -> None:
    resources = build_resources(platform, {})
    result = build_prune_lake(platform).execute_in_process(instance=instance, resources=resources)
    said = [entry.user_message for entry in instance.all_logs(result.run_id)]
    assert "Removed 0 objects, 0 bytes." in said
    assert "Removed models: none." in said
    assert "Removed 0 files of old jobs, 0 bytes." in said


def test_the_job_leaves_the_lake_alone_while_another_run_is_in_progress(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    job = build_prune_lake(platform)
    instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    result = job.execute_in_process(instance=instance, resources=build_resources(platform, {}))
    assert any("as 1 runs are in progress" in entry.user_message for entry in instance.all_logs(result.run_id))
