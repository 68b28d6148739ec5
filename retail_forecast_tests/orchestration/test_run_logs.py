"""What a run prints where JSON lines are asked for."""

from __future__ import annotations

import json
from typing import Any

import dagster as dg
import pytest
from dagster._core.execution import context_creation_job

from retail_forecast.orchestration.graph import build_graph
from retail_forecast.orchestration.resources import Platform
from retail_forecast.orchestration.run_logs import AS_JSON, print_json_lines
from retail_forecast_tests.orchestration.world import World

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")


@pytest.mark.parametrize("config", [AS_JSON, {}], ids=["configured", "by automation"])
def test_each_line_of_a_run_names_run_job_and_step(
    world: World,
    instance: dg.DagsterInstance,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    config: dict[str, Any],
) -> None:
    monkeypatch.setattr(context_creation_job, "default_system_loggers", None)  # given back after the test
    print_json_lines()
    settings = world.settings.model_copy(update={"log_format": "json"})
    job = build_graph(Platform(settings, world.dataset), {}).resolve_implicit_global_asset_job_def()
    asked = [dg.AssetKey("forecasts")]
    result = job.execute_in_process(config, instance, asset_selection=asked, raise_on_error=False)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (failed,) = [line for line in lines if line["level"] == "ERROR" and line.get("step") == "forecasts"]
    assert (failed["run_id"], failed["job"]) == (result.run_id, "__ASSET_JOB")
    assert "failed" in failed["message"]
