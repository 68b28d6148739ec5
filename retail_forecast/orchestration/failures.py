"""Sensors that tell somebody, and count: a run failed, or a check did."""

from datetime import UTC, datetime

import dagster as dg

from retail_forecast.orchestration.resources import Platform
from retail_forecast.telemetry import catalogue
from retail_forecast.telemetry.metrics import Measurement, MetricsSink
from retail_forecast.telemetry.notifier import Notifier


def build_failure_sensors() -> list[dg.SensorDefinition]:
    """Both sensors; they watch the runs that the daemon launches."""
    return [failed_runs, failed_checks]


@dg.run_failure_sensor(
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells the notifier of each failed run, with its error and where to see it.",
)
def failed_runs(
    context: dg.RunFailureSensorContext,
    notifier: dg.ResourceParam[Notifier],
    metrics: dg.ResourceParam[MetricsSink],
    platform: dg.ResourceParam[Platform],
) -> None:
    steps = "; ".join(f"{event.step_key}: {_first_line(event)}" for event in context.get_step_failure_events())
    run = context.dagster_run
    why = steps or context.failure_event.message or ""
    notifier.notify(f"Run {run.run_id[:8]} of {run.job_name} failed.", _with_link(why, platform, run.run_id))
    metrics.publish([Measurement(catalogue.FAILED_RUNS, 1, platform.dataset.name, datetime.now(UTC))])


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells the notifier of each check that did not pass in a run that went on.",
)
def failed_checks(
    context: dg.RunStatusSensorContext,
    notifier: dg.ResourceParam[Notifier],
    metrics: dg.ResourceParam[MetricsSink],
    platform: dg.ResourceParam[Platform],
) -> None:
    kind, run_id = dg.DagsterEventType.ASSET_CHECK_EVALUATION, context.dagster_run.run_id
    evaluations = [
        entry.get_dagster_event().asset_check_evaluation_data
        for entry in context.instance.all_logs(run_id, of_type=kind)
    ]
    failed = [check for check in evaluations if not check.passed]
    for check in failed:
        shown = "; ".join(f"{name}: {value.value}" for name, value in check.metadata.items())
        title = f"{check.asset_key.to_user_string()}: {check.check_name} does not hold."
        notifier.notify(title, _with_link(shown, platform, run_id))
    name, at = platform.dataset.name, datetime.now(UTC)
    assets = [check.asset_key.to_user_string() for check in failed]
    metrics.publish([Measurement(catalogue.FAILED_CHECKS, 1, name, at, asset=asset) for asset in assets])


def _with_link(text: str, platform: Platform, run_id: str) -> str:
    return f"{text}\n{platform.settings.run_url(run_id)}"


def _first_line(event: dg.DagsterEvent) -> str:
    error = event.step_failure_data.error
    cause = error.cause if error is not None and error.cause is not None else error
    return cause.message.strip().splitlines()[0] if cause is not None else event.message or ""
