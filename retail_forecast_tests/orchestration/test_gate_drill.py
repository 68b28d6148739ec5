"""A model that fails the gate: the champion before it goes on making the forecasts that are served."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from retail_forecast.emulator import Cloud
from retail_forecast.lake.vintages import read_vintage
from retail_forecast.orchestration.run import run_pipeline
from retail_forecast.registry import open_registry
from retail_forecast.training.recipes import write_recipe
from retail_forecast_tests.orchestration.endpoints import FakeEndpoint
from retail_forecast_tests.orchestration.test_approvals import OnAws
from retail_forecast_tests.orchestration.world import DAYS


@pytest.mark.slow
def test_after_a_model_that_fails_the_gate_a_new_day_is_forecast_and_served_with_the_champion_before_it(
    aws_cloud: Cloud, tmp_path: Path
) -> None:
    world, endpoint = OnAws(tmp_path / "home", bucket=aws_cloud.new_bucket("gate")), FakeEndpoint()
    world.write_dataset()
    world.deliver_all()
    settings = world.settings.model_copy(update={"preset": "fast"})
    first = run_pipeline(settings, overrides={"endpoint_port": endpoint})
    assert first.trained
    # a single tree that learns next to nothing
    poor = replace(world.platform.recipe, trees=1, group_trees=1, learning_rate=0.001, aligned=False)
    settings = settings.model_copy(update={"recipe_file": write_recipe(tmp_path, poor, {})})
    world.deliver(DAYS)
    second = run_pipeline(settings, overrides={"endpoint_port": endpoint})
    assert second.trained
    assert second.vintage is not None
    assert {one.version: one.stage for one in open_registry(settings).versions()} == {"2": "rejected", "1": "champion"}
    served = read_vintage(world.lake, endpoint.deployed[-1])
    assert (served.id, served.model_version, served.cutoff) == (second.vintage.id, "1", second.vintage.cutoff)
    assert len(set(endpoint.deployed)) == 2
