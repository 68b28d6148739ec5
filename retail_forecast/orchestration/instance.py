"""Dagster's instance of one home: its settings, and what is left over by processes that were killed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from importlib.resources import files
from string import Template
from typing import Any
from urllib.parse import urlparse

import dagster as dg
import psutil
import yaml
from dagster._core.launcher import DefaultRunLauncher
from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES
from dagster._time import get_current_datetime

from retail_forecast.errors import ConfigurationError
from retail_forecast.settings import Settings

PROCESS_TAG = "retail_forecast/process"
_DELETED_AT_ONCE = 1000
_UPLOAD_SECONDS = 30


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """The instance below the home; its dagster.yaml is written when it is absent or of another version."""
    prepare_dagster_home(settings)
    return dg.DagsterInstance.from_config(str(settings.dagster_home))


def prepare_dagster_home(settings: Settings) -> None:
    """Writes dagster.yaml, for processes that are started with DAGSTER_HOME."""
    template = files("retail_forecast.orchestration").joinpath("dagster.yaml").read_text(encoding="utf-8")
    text = Template(template).substitute(home=settings.dagster_home.as_posix()) + _compute_logs(settings)
    path = settings.dagster_home / "dagster.yaml"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _compute_logs(settings: Settings) -> str:
    """The section of dagster.yaml that keeps what runs print in S3; nothing where the settings name no bucket.

    Partial outputs are uploaded while a run goes on, so the UI shows them from any machine.
    """
    if settings.compute_logs_url is None:
        return ""
    url = urlparse(settings.compute_logs_url)
    if url.scheme != "s3" or not url.netloc:
        key, expected = "RETAIL_FORECAST_COMPUTE_LOGS_URL", "a folder on S3, such as s3://bucket/compute-logs"
        raise ConfigurationError(key=key, found=settings.compute_logs_url, expected=expected)
    config: dict[str, Any] = {
        "bucket": url.netloc,
        "prefix": url.path.strip("/") or "compute-logs",
        "region": settings.aws_region,
        "local_dir": (settings.dagster_home / "compute-logs").as_posix(),
        "skip_empty_files": True,
        "upload_interval": _UPLOAD_SECONDS,
    }
    if settings.lake_kms_key is not None:
        config["upload_extra_args"] = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": settings.lake_kms_key}
    section = {"module": "dagster_aws.s3", "class": "S3ComputeLogManager", "config": config}
    return "\n" + yaml.safe_dump({"compute_logs": section}, sort_keys=False)


def process_tag() -> str:
    """This process, recognisable after its id was given to another one."""
    me = psutil.Process()
    return f"{me.pid}@{me.create_time():.0f}"


def runs_in_progress(instance: dg.DagsterInstance) -> Sequence[dg.DagsterRun]:
    """Runs that are queued, starting or running."""
    return instance.get_runs(filters=dg.RunsFilter(statuses=list(IN_PROGRESS_RUN_STATUSES)))


def close_abandoned_runs(instance: dg.DagsterInstance) -> list[str]:
    """Ids of the runs that were in progress in a process that is gone; they are marked as failed.

    Dagster would count them as in progress for ever, and automation would wait for them. Only processes of this
    machine can be looked at, so it does nothing under any launcher but the local one.
    """
    if not isinstance(instance.run_launcher, DefaultRunLauncher):
        return []
    abandoned = [run for run in runs_in_progress(instance) if _is_abandoned(instance, run)]
    for run in abandoned:
        instance.report_run_failed(run, "The process of this run ended without a word. What it published stays.")
    return [run.run_id for run in abandoned]


def _is_abandoned(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    if (tag := run.tags.get(PROCESS_TAG)) is not None:
        pid, started = tag.split("@")
        return not _is_alive(int(pid), float(started) + 1)
    events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
    pids = [(event, event.get_dagster_event().engine_event_data.metadata.get("pid")) for event in events]
    told = [(int(str(pid.value)), event.timestamp) for event, pid in pids if pid is not None]
    return bool(told) and not _is_alive(*told[-1])


def _is_alive(pid: int, started_before: float) -> bool:
    try:
        process = psutil.Process(pid)
        return process.create_time() <= started_before and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def prune_runs(instance: dg.DagsterInstance, *, older_than_days: int) -> int:
    """Deletes finished runs so old, with their events, unless what they made is the latest of its kind.

    A partition's latest materialization has to stay: without it the partition would count as missing.
    """
    limit = get_current_datetime() - timedelta(days=older_than_days)
    finished = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
    old = instance.get_runs(filters=dg.RunsFilter(statuses=finished, created_before=limit), limit=_DELETED_AT_ONCE)
    needed = _runs_behind_the_present(instance) if old else set()
    superfluous = [run.run_id for run in old if run.run_id not in needed]
    for run_id in superfluous:
        instance.delete_run(run_id)
    return len(superfluous)


def _runs_behind_the_present(instance: dg.DagsterInstance) -> set[str]:
    storage, kind = instance.event_log_storage, dg.DagsterEventType.ASSET_MATERIALIZATION
    needed = set()
    for key in instance.all_asset_keys():
        latest = list(storage.get_latest_storage_id_by_partition(key, kind).values())
        for start in range(0, len(latest), 500):
            chunk = dg.AssetRecordsFilter(asset_key=key, storage_ids=latest[start : start + 500])
            needed |= {record.run_id for record in instance.fetch_materializations(chunk, limit=500).records}
        event = instance.get_latest_materialization_event(key)
        needed |= {event.run_id} if event is not None else set()
    return needed
