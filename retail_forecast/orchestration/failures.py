"""Sensors that tell somebody: a run failed, or a check did."""

import dagster as dg

from retail_forecast.orchestration.notifier import Notifier


def build_failure_sensors() -> list[dg.SensorDefinition]:
    """Both sensors; they watch the runs that the daemon launches."""
    return [failed_runs, failed_checks]


@dg.run_failure_sensor(
    default_status=dg.DefaultSensorStatus.RUNNING, description="Tells the notifier of each failed run, with its error."
)
def failed_runs(context: dg.RunFailureSensorContext, notifier: dg.ResourceParam[Notifier]) -> None:
    steps = "; ".join(f"{event.step_key}: {_first_line(event)}" for event in context.get_step_failure_events())
    run = context.dagster_run
    notifier.notify(f"Run {run.run_id[:8]} of {run.job_name} failed.", steps or context.failure_event.message or "")


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells the notifier of each check that did not pass in a run that went on.",
)
def failed_checks(context: dg.RunStatusSensorContext, notifier: dg.ResourceParam[Notifier]) -> None:
    kind = dg.DagsterEventType.ASSET_CHECK_EVALUATION
    for entry in context.instance.all_logs(context.dagster_run.run_id, of_type=kind):
        check = entry.get_dagster_event().asset_check_evaluation_data
        if not check.passed:
            shown = "; ".join(f"{name}: {value.value}" for name, value in check.metadata.items())
            notifier.notify(f"{check.asset_key.to_user_string()}: {check.check_name} does not hold.", shown)


def _first_line(event: dg.DagsterEvent) -> str:
    error = event.step_failure_data.error
    cause = error.cause if error is not None and error.cause is not None else error
    return cause.message.strip().splitlines()[0] if cause is not None else event.message or ""
