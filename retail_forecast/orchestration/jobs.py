"""What a person starts with one click, and what the clock does."""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from retail_forecast.dataset import Dataset
from retail_forecast.orchestration.checks.sales import sales_are_sound
from retail_forecast.orchestration.instance import prune_runs
from retail_forecast.orchestration.resources import Platform

PUBLISH_SALES, PUBLISH_TABLES = "publish_sales", "publish_tables"
RETRAIN, REFRESH = "retrain", "refresh_forecasts"
RETENTION_DAYS = 90

TRAINING = ("features", "model", "backtest", "champion")
FORECASTS = ("forecasts", "endpoint", "forecast_accuracy", "drift")

Job = dg.JobDefinition | UnresolvedAssetJobDefinition


def build_jobs(dataset: Dataset) -> list[Job]:
    """The jobs over a dataset's assets."""
    tables = [name for name in dataset.tables if name != "sales"]
    jobs: list[Job] = [
        dg.define_asset_job(PUBLISH_SALES, ["sales"], description="Makes partitions of sales anew from their files."),
        dg.define_asset_job(RETRAIN, list(TRAINING), description="Trains a challenger now and puts it to the gate."),
        dg.define_asset_job(REFRESH, list(FORECASTS), description="Forecasts with the champion, serves, measures."),
        prune_history,
    ]
    if tables:
        description = "Makes the tables beside sales anew from their files."
        jobs.append(dg.define_asset_job(PUBLISH_TABLES, tables, description=description))
    return jobs


@dg.op(description="Deletes finished runs that are 90 days old, unless what they made is still the latest.")
def delete_old_runs(context: dg.OpExecutionContext) -> None:
    deleted = prune_runs(context.instance, older_than_days=RETENTION_DAYS)
    context.log.info("Deleted %s runs older than %s days.", deleted, RETENTION_DAYS)


@dg.job(description="Keeps Dagster's event log from growing without bound.", executor_def=dg.in_process_executor)
def prune_history() -> None:
    delete_old_runs()


def build_schedules(platform: Platform) -> list[dg.ScheduleDefinition]:
    """Weekly tidying; and, off unless somebody wants it, a nightly forecast whatever was noticed during the day."""
    return [
        dg.ScheduleDefinition(
            name="prune_history_weekly",
            job=prune_history,
            cron_schedule="0 4 * * 0",
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Sunday 04:00 UTC.",
        ),
        dg.ScheduleDefinition(
            name="refresh_forecasts_nightly",
            job_name=REFRESH,
            cron_schedule="0 3 * * *",
            should_execute=lambda _: sales_are_sound(platform),
            description="03:00 UTC, while the sales are sound. A backstop: forecasts already follow each change.",
        ),
    ]
