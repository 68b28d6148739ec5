"""The safety net under automation: what stayed behind is asked for again, once per content.

Automation reacts to changes. It does not come back to what failed, to what changed before its first look at an asset,
or to what a killed process left. This sensor compares states instead: two looks apart that find the same thing behind,
with nothing at work on it, ask for a run.
"""

import json
from collections.abc import Iterator, Mapping, Sequence

import dagster as dg
from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES

from retail_forecast.lake.tables import digest_of
from retail_forecast.orchestration.checks.landing import FOLLOWED, evaluate_following
from retail_forecast.orchestration.instance import close_abandoned_runs
from retail_forecast.orchestration.jobs import PUBLISH_SALES, PUBLISH_TABLES, Job
from retail_forecast.orchestration.partitions import RANGE_END, RANGE_START, contiguous_ranges
from retail_forecast.orchestration.resources import Platform
from retail_forecast.pipeline.arrivals import current_ledger
from retail_forecast.pipeline.tables import stale_partitions

INTERVAL_SECONDS = 120


def build_catch_up_sensor(platform: Platform, jobs: Sequence[Job]) -> dg.SensorDefinition:
    """The sensor; its cursor is what it found behind at its last look."""

    @dg.sensor(
        name="catch_up",
        jobs=[job for job in jobs if job.name in (PUBLISH_SALES, PUBLISH_TABLES)],
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Closes runs whose process is gone, and asks again for tables that stayed behind their files.",
    )
    def catch_up(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        close_abandoned_runs(context.instance)
        behind = {name: stale_partitions(platform.lake, platform.dataset, name) for name in platform.dataset.tables}
        state = _state(platform, behind)
        if state == context.cursor and any(behind.values()) and not _is_busy(context.instance):
            return dg.SensorResult(run_requests=list(requests_for(platform, behind, state)), cursor=state)
        events = list(_evaluations(behind)) if state != context.cursor else []
        return dg.SensorResult(asset_events=events, cursor=state)

    return catch_up


def requests_for(platform: Platform, behind: Mapping[str, Sequence[str]], state: str) -> Iterator[dg.RunRequest]:
    """One run per unbroken stretch of sales, one for the other tables. The key holds the content: once each."""
    for first, last in contiguous_ranges(behind["sales"], platform.dataset.period_days):
        tags = {RANGE_START: first, RANGE_END: last}
        yield dg.RunRequest(run_key=f"{state} {first} {last}", job_name=PUBLISH_SALES, tags=tags)
    if tables := [dg.AssetKey(name) for name, parts in behind.items() if parts and name != "sales"]:
        yield dg.RunRequest(run_key=f"{state} tables", job_name=PUBLISH_TABLES, asset_selection=tables)


def _state(platform: Platform, behind: Mapping[str, Sequence[str]]) -> str:
    versions = current_ledger(platform.lake, platform.dataset).data_versions
    found = {name: {part: versions.get((name, part)) for part in parts} for name, parts in behind.items()}
    return digest_of([json.dumps(found, sort_keys=True)])[:16]


def _evaluations(behind: Mapping[str, Sequence[str]]) -> Iterator[dg.AssetCheckEvaluation]:
    for table, parts in behind.items():
        result = evaluate_following(parts)
        yield dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey(table),
            check_name=FOLLOWED,
            passed=result.passed,
            severity=result.severity,
            metadata=result.metadata,
        )


def _is_busy(instance: dg.DagsterInstance) -> bool:
    return bool(instance.get_runs(filters=dg.RunsFilter(statuses=list(IN_PROGRESS_RUN_STATUSES)), limit=1))
