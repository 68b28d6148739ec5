"""The safety net under automation: what stayed behind is asked for again, once per content.

Automation reacts to changes. It does not come back to what failed, to what changed before its first look at an asset,
or to what a killed process left. This sensor compares states instead: two looks in a row that find the same thing
behind, with no run in progress, ask for a run. What a blocking check holds back is not behind: it waits for a
correction, which automation follows.
"""

import json
from collections.abc import Iterator, Mapping, Sequence

import dagster as dg
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus

from retail_forecast.lake.tables import digest_of
from retail_forecast.lake.vintages import latest_vintage
from retail_forecast.orchestration.checks.forecasts import forecasts_are_sound
from retail_forecast.orchestration.checks.landing import FOLLOWED, evaluate_following
from retail_forecast.orchestration.checks.sales import sales_are_sound
from retail_forecast.orchestration.gate import noted_champion
from retail_forecast.orchestration.instance import close_abandoned_runs, runs_in_progress
from retail_forecast.orchestration.jobs import FORECASTS, PUBLISH_SALES, PUBLISH_TABLES, REFRESH, RETRAIN, Job
from retail_forecast.orchestration.lake_retention import deployed_vintage
from retail_forecast.orchestration.partitions import RANGE_END, RANGE_START, contiguous_ranges
from retail_forecast.orchestration.resources import Platform
from retail_forecast.orchestration.training_run import training_is_pending
from retail_forecast.pipeline.arrivals import current_ledger
from retail_forecast.pipeline.request import read_request
from retail_forecast.pipeline.tables import stale_partitions

INTERVAL_SECONDS = 60

Behind = Mapping[str, Sequence[str]]
"""Name of a table, "training", "forecasts" or "endpoint" → what of it is behind."""


def build_catch_up_sensor(platform: Platform, jobs: Sequence[Job]) -> dg.SensorDefinition:
    """The sensor; its cursor is a digest of what it found behind at its last look."""

    @dg.sensor(
        name="catch_up",
        jobs=[job for job in jobs if job.name in (PUBLISH_SALES, PUBLISH_TABLES, RETRAIN, REFRESH)],
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Closes runs whose process is gone, and asks again for what stayed behind its inputs.",
    )
    def catch_up(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        close_abandoned_runs(context.instance)
        behind = find_behind(platform, context.instance)
        state = digest_of([json.dumps(behind, sort_keys=True), *_versions(platform, behind)])[:16]
        if state != context.cursor:
            return dg.SensorResult(asset_events=list(_evaluations(platform, behind)), cursor=state)
        requests = [] if _is_busy(context.instance) else list(requests_for(platform, behind, state))
        return dg.SensorResult(run_requests=requests, cursor=state)

    return catch_up


def find_behind(platform: Platform, instance: dg.DagsterInstance) -> Behind:
    """Tables behind their files; else a training that was asked for, forecasts behind the tables, or the endpoint."""
    lake, dataset = platform.lake, platform.dataset
    stale = {name: stale_partitions(lake, dataset, name) for name in dataset.tables}
    if behind := {name: parts for name, parts in stale.items() if parts}:
        return behind
    if later := _behind_sales(platform):
        return later if sales_are_sound(platform) else {}
    endpoint = _unserved_vintage(platform, instance)
    return {"endpoint": endpoint} if endpoint and forecasts_are_sound(platform) else {}


def requests_for(platform: Platform, behind: Behind, state: str) -> Iterator[dg.RunRequest]:
    """The runs that would mend it. A run key holds the state, so each is asked for once, also if it fails."""
    for first, last in contiguous_ranges(behind.get("sales", []), platform.dataset.period_days):
        tags = {RANGE_START: first, RANGE_END: last}
        yield dg.RunRequest(run_key=f"{state} {first} {last}", job_name=PUBLISH_SALES, tags=tags)
    tables = [dg.AssetKey(name) for name in platform.dataset.tables if name in behind and name != "sales"]
    if tables:
        yield dg.RunRequest(run_key=f"{state} tables", job_name=PUBLISH_TABLES, asset_selection=tables)
    for name, job in (("training", RETRAIN), ("forecasts", REFRESH)):
        if name in behind:
            yield dg.RunRequest(run_key=f"{state} {name}", job_name=job)
    if "endpoint" in behind:
        after_forecasts = [dg.AssetKey(name) for name in FORECASTS if name != "forecasts"]
        yield dg.RunRequest(run_key=f"{state} endpoint", job_name=REFRESH, asset_selection=after_forecasts)


def _behind_sales(platform: Platform) -> Behind:
    request = read_request(platform.lake)
    if request is not None and training_is_pending(platform):
        return {"training": [request.id]}
    forecasts = _outdated_vintage(platform)
    return {"forecasts": forecasts} if forecasts else {}


def _outdated_vintage(platform: Platform) -> list[str]:
    """The vintage in force, if its sales, another table or its model are no longer the present ones."""
    vintage, champion = latest_vintage(platform.lake), noted_champion(platform.lake)
    if vintage is None:
        return ["none"] if champion is not None else []
    for table in platform.dataset.tables:
        parts = platform.lake.table(table).manifest().parts.values()
        present = {(part.partition, one.sha256) for part in parts for one in part.inputs}
        if present != {(one["partition"], one["sha256"]) for one in vintage.inputs.get(table, [])}:
            return [vintage.id]
    return [vintage.id] if champion not in (None, vintage.model_version) else []


def _unserved_vintage(platform: Platform, instance: dg.DagsterInstance) -> list[str]:
    """The vintage in force, if the endpoint was last deployed with another one."""
    vintage = latest_vintage(platform.lake)
    return [vintage.id] if vintage is not None and deployed_vintage(instance) != vintage.id else []


def _versions(platform: Platform, behind: Behind) -> Iterator[str]:
    versions = current_ledger(platform.lake, platform.dataset).data_versions
    for table in platform.dataset.tables:
        for partition in behind.get(table, []):
            yield f"{table}:{partition}:{versions.get((table, partition))}"


def _evaluations(platform: Platform, behind: Behind) -> Iterator[dg.AssetCheckEvaluation]:
    for table in platform.dataset.tables:
        result = evaluate_following(behind.get(table, []))
        yield dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey(table),
            check_name=FOLLOWED,
            passed=result.passed,
            severity=result.severity,
            metadata=result.metadata,
        )


def _is_busy(instance: dg.DagsterInstance) -> bool:
    if instance.get_backfills(filters=BulkActionsFilter(statuses=[BulkActionStatus.REQUESTED]), limit=1):
        return True
    return bool(runs_in_progress(instance))
