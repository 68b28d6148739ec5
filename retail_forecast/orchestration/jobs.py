"""What a person starts with one click, and what the clock does."""

from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from retail_forecast.orchestration.checks.sales import sales_are_sound
from retail_forecast.orchestration.home_retention import prune_home
from retail_forecast.orchestration.instance import prune_runs, runs_in_progress
from retail_forecast.orchestration.lake_retention import deployed_vintage, prune
from retail_forecast.orchestration.model_retention import needed_models, prune_models
from retail_forecast.orchestration.resources import Platform
from retail_forecast.orchestration.run_tags import DATASET
from retail_forecast.registry import ModelRegistry

PUBLISH_SALES, PUBLISH_TABLES = "publish_sales", "publish_tables"
RETRAIN, REFRESH = "retrain", "refresh_forecasts"
PRUNE_LAKE = "prune_lake"
RETENTION_DAYS = 90

TRAINING = ("features", "model", "backtest", "champion")
FORECASTS = ("forecasts", "endpoint", "forecast_accuracy", "drift")

Job = dg.JobDefinition | UnresolvedAssetJobDefinition


def build_jobs(platform: Platform) -> list[Job]:
    """The jobs over a dataset's assets, and those that tidy up."""
    tables = [name for name in platform.dataset.tables if name != "sales"]
    described = {
        PUBLISH_SALES: (["sales"], "Makes partitions of sales anew from their files."),
        RETRAIN: (list(TRAINING), "Trains a challenger now and puts it to the gate."),
        REFRESH: (list(FORECASTS), "Forecasts with the champion, serves, measures."),
        PUBLISH_TABLES: (tables, "Makes the tables beside sales anew from their files."),
    }
    tags = {DATASET: platform.dataset.name}
    jobs = [
        dg.define_asset_job(name, assets, description=description, tags=tags)
        for name, (assets, description) in described.items()
        if assets
    ]
    return [*jobs, prune_history, build_prune_lake(platform)]


@dg.op(description="Deletes finished runs that are 90 days old, unless what they made is still the latest.")
def delete_old_runs(context: dg.OpExecutionContext) -> None:
    deleted = prune_runs(context.instance, older_than_days=RETENTION_DAYS)
    context.log.info("Deleted %s runs older than %s days.", deleted, RETENTION_DAYS)


@dg.job(description="Keeps Dagster's event log from growing without bound.", executor_def=dg.in_process_executor)
def prune_history() -> None:
    delete_old_runs()


def build_prune_lake(platform: Platform) -> dg.JobDefinition:
    """The job that removes from the lake what nothing refers to any more."""

    @dg.op(description="Retires old vintages (their lineage stays); removes artifacts, parts, models, logs out of use.")
    def remove_what_is_out_of_use(context: dg.OpExecutionContext, registry: dg.ResourceParam[ModelRegistry]) -> None:
        if others := [run for run in runs_in_progress(context.instance) if run.run_id != context.run_id]:
            context.log.info("Left alone, as %s runs are in progress; the next time will do.", len(others))
            return
        served = deployed_vintage(context.instance)
        removed = prune(platform, served=[served] if served is not None else [])
        context.log.info("Removed %s objects, %s bytes.", removed.objects, removed.size)
        settings, before = platform.settings, datetime.now(UTC) - timedelta(days=platform.settings.keep_days)
        needed = needed_models(platform.lake)
        models = prune_models(registry, keep=settings.keep_models, needed=needed, before=before)
        context.log.info("Removed models: %s.", ", ".join(models) or "none")
        left = prune_home(settings.home, before=before)
        context.log.info("Removed %s files of old jobs, %s bytes.", left.objects, left.size)

    @dg.job(
        name=PRUNE_LAKE, description="Keeps the lake from growing without bound.", executor_def=dg.in_process_executor
    )
    def prune_lake() -> None:
        remove_what_is_out_of_use()

    return prune_lake


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
            name="prune_lake_weekly",
            job_name=PRUNE_LAKE,
            cron_schedule="30 4 * * 0",
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Sunday 04:30 UTC.",
        ),
        dg.ScheduleDefinition(
            name="refresh_forecasts_nightly",
            job_name=REFRESH,
            cron_schedule="0 3 * * *",
            should_execute=lambda _: sales_are_sound(platform),
            description="03:00 UTC, while the sales are sound. A backstop: forecasts already follow each change.",
        ),
    ]
