"""The instance settings that the official Dagster chart makes of our values.

Where that chart is at hand (below helm/retail-forecast/charts after `helm dependency update`, or where DAGSTER_CHART
says) it is rendered. Elsewhere its mapping is followed as far as our values go; a test compares the two where it can.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from retail_forecast_tests.infra.chart import CHART, Object, effective, given, render_files

_INSTANCE = "retail-forecast/charts/dagster/templates/configmap-instance.yaml"


def snake(name: str) -> str:
    """As the chart writes names of dagster.yaml.

    >>> snake("retryOnAssetOrOpFailure")
    'retry_on_asset_or_op_failure'
    """
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def snaked(values: Mapping[str, Any], *leave_out: str) -> Object:
    """The same values under the names of dagster.yaml; what is in them stays."""
    return {snake(key): value for key, value in values.items() if key not in leave_out and value not in (None, [], {})}


def official_chart(scratch: Path) -> Path | None:
    """Our chart with the official one in it; None where that is not at hand."""
    if (CHART / "charts").is_dir():
        return CHART
    if "DAGSTER_CHART" not in os.environ:
        return None
    whole = scratch / "chart"
    if not whole.exists():
        shutil.copytree(CHART, whole)
        shutil.copytree(os.environ["DAGSTER_CHART"], whole / "charts" / "dagster")
    return whole


def rendered_instance(environment: str, chart: Path) -> Object:
    """dagster.yaml as the official chart renders it."""
    config_map = yaml.safe_load(render_files(given(environment), chart=chart)[_INSTANCE])
    found: Object = yaml.safe_load(config_map["data"]["dagster.yaml"])
    return found


def followed_instance(environment: str) -> Object:
    """dagster.yaml by the chart's mapping, of the sections that our values fill."""
    values = effective(environment)["dagster"]
    daemon, concurrency = values["dagsterDaemon"], values["concurrency"]
    return {
        **{f"{kind}_storage": _storage(values, kind) for kind in ("run", "event_log", "schedule")},
        "run_launcher": _launcher(values),
        "run_coordinator": {
            "module": "dagster.core.run_coordinator",
            "class": "QueuedRunCoordinator",
            "config": snaked(daemon["runCoordinator"]["config"]["queuedRunCoordinator"]),
        },
        "compute_logs": _compute_logs(values["computeLogManager"]),
        "run_monitoring": snaked(daemon["runMonitoring"]),
        "run_retries": snaked(daemon["runRetries"]),
        "telemetry": values["telemetry"],
        "retention": {
            snake(kind): {"purge_after_days": values["retention"][kind]["purgeAfterDays"]}
            for kind in ("schedule", "sensor", "autoMaterialize")
        },
        "concurrency": {kind: snaked(concurrency[kind]) for kind in ("pools", "runs")},
    }


def _storage(values: Object, kind: str) -> Object:
    name = {"run": "run_storage", "event_log": "event_log", "schedule": "schedule_storage"}[kind]
    postgresql = values["postgresql"]
    database = {
        "username": postgresql["postgresqlUsername"],
        "password": {"env": "DAGSTER_PG_PASSWORD"},
        "hostname": postgresql["postgresqlHost"],
        "db_name": postgresql["postgresqlDatabase"],
        "port": postgresql["service"]["port"],
        "params": postgresql["postgresqlParams"],
        "scheme": postgresql["postgresqlScheme"],
    }
    title = {"run": "Run", "event_log": "EventLog", "schedule": "Schedule"}[kind]
    return {
        "module": f"dagster_postgres.{name}",
        "class": f"Postgres{title}Storage",
        "config": {"postgres_db": database},
    }


def _launcher(values: Object) -> Object:
    told = values["runLauncher"]["config"]["k8sRunLauncher"]
    config = {
        **snaked(told, "envConfigMaps", "runK8sConfig"),
        "job_namespace": "retail-forecast",
        "service_account_name": values["global"]["serviceAccountName"],
        "dagster_home": values["global"]["dagsterHome"],
        "instance_config_map": "retail-forecast-dagster-instance",
        "postgres_password_secret": values["global"]["postgresqlSecretName"],
        "env_config_maps": [one["name"] for one in told["envConfigMaps"]],
        "run_k8s_config": snaked(told["runK8sConfig"]),
    }
    return {"module": "dagster_k8s", "class": "K8sRunLauncher", "config": config}


def _compute_logs(told: Object) -> Object:
    if told["type"] == "CustomComputeLogManager":
        found: Object = told["config"]["customComputeLogManager"]
        return found
    config = {**snaked(told["config"]["s3ComputeLogManager"]), "verify": True}
    return {"module": "dagster_aws.s3.compute_log_manager", "class": "S3ComputeLogManager", "config": config}
