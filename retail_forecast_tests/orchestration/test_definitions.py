"""The graph as a whole: it loads, everything in it is described, and its names are what they were."""

from __future__ import annotations

import dagster as dg
import pytest

from retail_forecast.definitions import build_defs
from retail_forecast_tests.orchestration.world import World

TABLES = {"sales", "prices", "stores"}
RAW = {f"raw_{table}" for table in TABLES}
STAGES = {
    "training_request",
    "features",
    "model",
    "backtest",
    "champion",
    "forecasts",
    "endpoint",
    "forecast_accuracy",
    "drift",
}


@pytest.fixture
def defs(world: World) -> dg.Definitions:
    world.write_dataset()
    return build_defs(world.settings)


def test_the_assets_are_those_of_the_picture(defs: dg.Definitions) -> None:
    keys = {key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()}
    assert keys == TABLES | RAW | STAGES


def test_every_asset_has_group_owner_kinds_and_description(defs: dg.Definitions) -> None:
    for spec in defs.resolve_all_asset_specs():
        assert spec.group_name, spec.key
        assert spec.owners, spec.key
        assert spec.kinds, spec.key
        assert spec.description, spec.key
        assert spec.code_version, spec.key


def test_the_arrows_are_those_of_the_picture(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    parents = {
        key.to_user_string(): {parent.to_user_string() for parent in graph.get(key).parent_keys}
        for key in graph.get_all_asset_keys()
    }
    assert parents["sales"] == {"raw_sales"}
    assert parents["features"] == TABLES | {"training_request"}
    assert parents["model"] == {"features"}
    assert parents["backtest"] == {"features", "model"}
    assert parents["champion"] == {"backtest"}
    assert parents["forecasts"] == TABLES | {"champion"}
    assert parents["endpoint"] == {"forecasts"}
    assert parents["forecast_accuracy"] == parents["drift"] == {"forecasts", "sales"}


def test_checks_are_sentences_and_the_blocking_ones_stop_bad_data(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    blocking = {key.name for key in graph.asset_check_keys if graph.get(key).blocking}
    assert blocking == {
        "sales_have_no_duplicates",
        "sales_are_not_negative_or_absurd",
        "expected_stores_are_all_there",
        "quantiles_do_not_cross",
        "forecasts_cover_every_active_series",
        "forecasts_are_not_absurd",
    }
    assert {key.name for key in graph.asset_check_keys} - blocking == {
        "landing_files_are_readable",
        "every_delivery_was_taken_over",
        "sales_are_complete",
        "prices_cover_sales",
        "challenger_beats_baselines_and_champion",
        "known_future_covers_the_horizon",
        "live_answers_equal_published_forecasts",
    }


def test_sensors_schedules_and_jobs_are_what_they_were(defs: dg.Definitions) -> None:
    repository = defs.get_repository_def()
    sensors = {sensor.name: sensor.default_status.value for sensor in repository.sensor_defs}
    names = ("arrivals", "automation", "catch_up", "failed_checks", "failed_runs", "measurements")
    assert sensors == {**dict.fromkeys(names, "RUNNING"), "approvals": "STOPPED"}
    schedules = {schedule.name: schedule.default_status.value for schedule in repository.schedule_defs}
    tidying = dict.fromkeys(("prune_history_weekly", "prune_lake_weekly"), "RUNNING")
    assert schedules == {**tidying, "refresh_forecasts_nightly": "STOPPED"}
    jobs = {job.name for job in repository.get_all_jobs() if not job.name.startswith("__")}
    assert jobs == {"publish_sales", "publish_tables", "retrain", "refresh_forecasts", "prune_history", "prune_lake"}


def test_a_home_without_a_dataset_shows_the_graph_of_the_made_up_shop(world: World) -> None:
    keys = {key.to_user_string() for key in build_defs(world.settings).resolve_asset_graph().get_all_asset_keys()}
    assert keys >= STAGES | {"sales", "promotions"}
