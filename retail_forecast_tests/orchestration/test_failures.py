"""Who is told of what went wrong, through real runs on a real instance."""

from __future__ import annotations

from dataclasses import dataclass, field

import dagster as dg
import pytest

from retail_forecast.orchestration.failures import failed_checks, failed_runs
from retail_forecast.orchestration.graph import build_graph
from retail_forecast.telemetry.metrics import Measurement
from retail_forecast_tests.orchestration.world import World

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
CHECK = "challenger_beats_baselines_and_champion"

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")


@dataclass
class Listener:
    """Notifier and sink in one: what was told, and what was counted."""

    told: list[tuple[str, str]] = field(default_factory=list)
    counted: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def notify(self, title: str, text: str) -> None:
        self.told.append((title, text))

    def publish(self, measurements: list[Measurement]) -> None:
        self.counted += [(one.metric.name, one.dimensions) for one in measurements]


def _job(world: World) -> dg.JobDefinition:
    return build_graph(world.platform, {}).resolve_implicit_global_asset_job_def()


def _context(
    sensor: dg.SensorDefinition, world: World, instance: dg.DagsterInstance, run: dg.DagsterRun, listener: Listener
) -> dg.RunStatusSensorContext:
    """What the daemon hands to the sensor when the run has ended."""
    kind = dg.DagsterEventType.RUN_SUCCESS if sensor is failed_checks else dg.DagsterEventType.RUN_FAILURE
    (ended,) = instance.all_logs(run.run_id, of_type=kind)
    return dg.build_run_status_sensor_context(
        sensor_name=sensor.name,
        dagster_instance=instance,
        dagster_run=run,
        dagster_event=ended.get_dagster_event(),
        resources={"notifier": listener, "metrics": listener, "platform": world.platform},
    )


def test_a_failed_run_is_told_with_its_error_and_its_link(world: World, instance: dg.DagsterInstance) -> None:
    asked = [dg.AssetKey("forecasts")]
    result = _job(world).execute_in_process(QUIET, instance, asset_selection=asked, raise_on_error=False)
    listener = Listener()
    failed_runs(_context(failed_runs, world, instance, result.dagster_run, listener).for_run_failure())
    ((title, text),) = listener.told
    assert title.startswith(f"Run {result.run_id[:8]} of ")
    assert "A champion does not exist" in text
    assert text.endswith(f"http://127.0.0.1:3000/runs/{result.run_id}")
    assert listener.counted == [("FailedRuns", {"Dataset": "tiny"})]


def test_a_check_that_does_not_hold_is_told_and_counted(world: World, instance: dg.DagsterInstance) -> None:
    job = _job(world)
    checks = {key for key in job.asset_layer.asset_graph.asset_check_keys if key.name == CHECK}
    result = job.get_subset(asset_check_selection=checks).execute_in_process(QUIET, instance)
    listener = Listener()
    failed_checks(_context(failed_checks, world, instance, result.dagster_run, listener))
    ((title, text),) = listener.told
    assert title == f"champion: {CHECK} does not hold."
    assert text == f"why: No challenger has been judged yet.\nhttp://127.0.0.1:3000/runs/{result.run_id}"
    assert listener.counted == [("FailedChecks", {"Dataset": "tiny", "Asset": "champion"})]
