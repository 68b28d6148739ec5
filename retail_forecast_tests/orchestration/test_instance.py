"""The instance of a home: its settings, runs whose process is gone, what may be deleted, batches of events."""

from __future__ import annotations

import dagster as dg
import psutil
import yaml
from dagster._core.instance.config import dagster_instance_config

from retail_forecast.orchestration.arrivals import DATA_VERSION
from retail_forecast.orchestration.event_log import BatchingEventLogStorage, report_asset_events
from retail_forecast.orchestration.instance import (
    PROCESS_TAG,
    close_abandoned_runs,
    process_tag,
    prune_runs,
)
from retail_forecast_tests.orchestration.world import World

NEVER = f"{2**22 + 1}@0"


@dg.job
def _empty() -> None:
    return None


def test_the_instance_keeps_everything_below_the_home_and_sends_nothing(
    world: World, instance: dg.DagsterInstance
) -> None:
    config, _ = dagster_instance_config(str(world.settings.dagster_home))
    assert config["telemetry"] == {"enabled": False}
    text = yaml.safe_load((world.settings.dagster_home / "dagster.yaml").read_text())
    folders = [text[name]["config"]["base_dir"] for name in ("run_storage", "event_log_storage", "schedule_storage")]
    assert all(folder.startswith(str(world.settings.dagster_home)) for folder in folders)
    assert isinstance(instance.event_log_storage, BatchingEventLogStorage)


def test_a_run_whose_process_is_gone_is_closed_and_a_living_one_is_not(instance: dg.DagsterInstance) -> None:
    gone, living = (
        instance.create_run_for_job(_empty, tags={PROCESS_TAG: tag}, status=dg.DagsterRunStatus.STARTED)
        for tag in (NEVER, process_tag())
    )
    assert close_abandoned_runs(instance) == [gone.run_id]
    assert instance.get_run_by_id(gone.run_id).is_failure  # type: ignore[union-attr]
    assert not instance.get_run_by_id(living.run_id).is_finished  # type: ignore[union-attr]


def test_another_process_with_the_same_id_is_not_the_one_that_ran(instance: dg.DagsterInstance) -> None:
    reused = f"{psutil.Process().pid}@{psutil.Process().create_time() - 3600:.0f}"
    run = instance.create_run_for_job(_empty, tags={PROCESS_TAG: reused}, status=dg.DagsterRunStatus.STARTED)
    assert close_abandoned_runs(instance) == [run.run_id]


def test_old_runs_go_and_the_one_behind_the_present_stays(instance: dg.DagsterInstance) -> None:
    @dg.asset
    def thing() -> None:
        return None

    older, newer = (dg.materialize([thing], instance=instance).run_id for _ in range(2))
    assert prune_runs(instance, older_than_days=0) == 1
    assert instance.get_run_by_id(older) is None
    assert instance.get_run_by_id(newer) is not None
    assert instance.get_latest_materialization_event(dg.AssetKey("thing")) is not None


def test_a_batch_of_events_reads_as_if_each_had_been_stored_alone(instance: dg.DagsterInstance) -> None:
    def facts(key: str) -> list[dg.AssetMaterialization]:
        return [dg.AssetMaterialization(key, partition=p, tags={DATA_VERSION: f"v{p}"}) for p in "abc"]

    report_asset_events(instance, facts("batch"))
    for fact in facts("single"):
        instance.report_runless_asset_event(fact)
    kind, storage = dg.DagsterEventType.ASSET_MATERIALIZATION, instance.event_log_storage
    for key in ("batch", "single"):
        tags = storage.get_latest_tags_by_partition(dg.AssetKey(key), kind, [DATA_VERSION])
        assert tags == {p: {DATA_VERSION: f"v{p}"} for p in "abc"}
        latest = instance.get_latest_materialization_event(dg.AssetKey(key))
        assert latest is not None
        assert latest.asset_materialization is not None
        assert latest.asset_materialization.partition == "c"
        assert len(instance.fetch_materializations(dg.AssetKey(key), limit=10).records) == 3
