"""The asset `endpoint` and the commands, on replicas without Ray."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from typer.testing import CliRunner

from retail_forecast.cli import app
from retail_forecast.errors import NotFoundError
from retail_forecast.lake import open_lake
from retail_forecast.lake.vintages import Vintage, put_in_force
from retail_forecast.orchestration.assets.forecasts import endpoint
from retail_forecast.orchestration.resources import Platform
from retail_forecast.settings import Settings
from retail_forecast_tests.orchestration.world import World as Retailer
from retail_forecast_tests.serving.conftest import World
from retail_forecast_tests.serving.replicas import Replicas, run_replicas


@pytest.fixture(scope="module")
def running(world: World) -> Iterator[Replicas]:
    with run_replicas(world.lake_url) as replicas:
        yield replicas


@pytest.fixture
def replicas(running: Replicas, world: World) -> Replicas:
    """They serve the first vintage."""
    running.deploy(world.first.id)
    return running


def materialize(replicas: Replicas, world: World, home: Path, vintage: Vintage, **more: Any) -> Any:
    """The asset, after `vintage` was put in force, with canaries of few observations."""
    put_in_force(open_lake(world.lake_url), vintage.id)
    few: dict[str, Any] = {"rollout_soak_seconds": 0, "rollout_observations": 30, "rollout_latency_ratio": 100}
    settings = Settings(home=home, lake_url=world.lake_url, rollout="canary", rollout_steps="0.5", **few, **more)
    resources = {"platform": Platform(settings, Retailer(home).dataset), "endpoint_port": replicas}
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([endpoint], instance=instance, resources=resources, raise_on_error=False)
        failures = [one.step_failure_data for one in result.all_events if one.is_step_failure]
        retries = [one for one in result.all_events if one.event_type is dg.DagsterEventType.STEP_UP_FOR_RETRY]
        made = result.asset_materializations_for_node("endpoint")
    return failures, retries, made


def test_the_asset_rolls_out_in_steps_and_shows_them(replicas: Replicas, world: World, tmp_path: Path) -> None:
    failures, _, (made,) = materialize(replicas, world, tmp_path, world.second)
    assert failures == []
    assert made.metadata["vintage"].value == world.second.id
    assert "| canary 50% |" in str(made.metadata["rollout"].value)
    assert replicas.status().active == world.second.id


def test_a_rollout_that_was_taken_back_fails_the_asset_once_with_the_figure_and_the_limit(
    replicas: Replicas, world: World, tmp_path: Path
) -> None:
    (failure,), retries, made = materialize(replicas, world, tmp_path, world.doubled, rollout_disagreement=0.5)
    data = failure.user_failure_data
    assert f"Vintage '{world.doubled.id}' was taken back at the step canary 50%" in str(data.description)
    assert "(limit 0.5)" in str(data.description)
    assert "canary 50%" in str(data.metadata["rollout"].value)
    assert (retries, made) == ([], [])
    assert replicas.status().active == world.first.id


def test_a_rollout_by_hand_is_started_looked_at_and_aborted(
    replicas: Replicas, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def call(*arguments: str) -> Any:
        return CliRunner().invoke(app, ["rollout", *arguments], env={"RETAIL_FORECAST_HOME": str(tmp_path)})

    monkeypatch.setattr("retail_forecast.serving.open_endpoint", lambda _: replicas)
    begun = call("start", world.doubled.id, "--mode", "canary", "--share", "0.5").output
    assert f"{world.doubled.id} answers beside {world.first.id} for 50% of the series, on 2 replicas" in begun
    assert "Within every limit." in call("status").output  # on a handful of answers nothing is judged
    assert f"2 replicas answer from vintage {world.first.id} alone" in call("abort").output
    assert isinstance(call("status").exception, NotFoundError)


@pytest.mark.parametrize("arguments", [[], ["v1", "--model", "2"], ["v1", "--share", "2"], ["v1", "--mode", "half"]])
def test_start_wants_one_vintage_and_a_share(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, ["rollout", "start", *arguments]).exit_code == 2
