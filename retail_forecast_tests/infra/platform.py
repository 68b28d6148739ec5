"""Dagster of a cluster: runs are launched as Jobs, each of their steps as another; the daemon watches them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

from retail_forecast.parallel.environment import import_path
from retail_forecast_tests.infra.cluster import Cluster
from retail_forecast_tests.infra.cluster.objects import Object
from retail_forecast_tests.infra.cluster.operator import NAMESPACE
from retail_forecast_tests.orchestration.world import World
from retail_forecast_tests.serving.world import until

PATIENCE_SECONDS = 400
_MODULE = "retail_forecast_tests.infra.graph"
_SECTIONS: dict[str, Any] = {
    "telemetry": {"enabled": False},
    "run_coordinator": {
        "module": "dagster.core.run_coordinator",
        "class": "QueuedRunCoordinator",
        "config": {"dequeue_interval_seconds": 1},
    },
    "run_monitoring": {"enabled": True, "poll_interval_seconds": 1, "max_resume_run_attempts": 0},
    "run_retries": {"enabled": True, "max_retries": 1, "retry_on_asset_or_op_failure": False},
}


def container_environment() -> dict[str, str]:
    """What a container of the orchestrator's image has: the package, and commands on its PATH."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    kept = {name: os.environ[name] for name in ("HOME", "NO_PROXY", "HTTP_PROXY", "HTTPS_PROXY") if name in os.environ}
    return {**kept, "PATH": path, "PYTHONPATH": import_path(), "DAGSTER_DISABLE_TELEMETRY": "yes"}


@dataclass(frozen=True)
class Platform:
    """The tiny retailer's home, with a dagster.yaml such as the chart renders."""

    world: World
    cluster: Cluster

    @property
    def dagster_home(self) -> Path:
        return self.world.home / "dagster"

    @property
    def variables(self) -> dict[str, str]:
        """What runs and services are told of the platform."""
        return {
            "RETAIL_FORECAST_HOME": str(self.world.home),
            "RETAIL_FORECAST_EXECUTOR": "kubernetes",
            "RETAIL_FORECAST_SETTLE_SECONDS": "0",
            "RETAIL_FORECAST_WORKERS": "1",
        }

    def write_instance(self) -> None:
        """dagster.yaml."""
        self.dagster_home.mkdir(parents=True)
        config = {
            "job_image": "orchestrator:1",
            "dagster_home": str(self.dagster_home),
            "instance_config_map": "dagster-instance",
            "service_account_name": "retail-forecast-orchestrator",
            "job_namespace": NAMESPACE,
            "load_incluster_config": False,
            "kubeconfig_file": str(self.cluster.kubeconfig()),
            "env_vars": [f"{name}={value}" for name, value in self.variables.items()],
        }
        launcher = {"module": "dagster_k8s", "class": "K8sRunLauncher", "config": config}
        (self.dagster_home / "dagster.yaml").write_text(yaml.safe_dump({**_SECTIONS, "run_launcher": launcher}))
        with self.instance() as instance:  # two processes at once would not agree on who makes the database
            instance.get_runs(limit=1)

    def instance(self) -> dg.DagsterInstance:
        """The instance."""
        return dg.DagsterInstance.from_config(str(self.dagster_home))

    def launch(self, job: str, **tags: str) -> str:
        """Launches a job as the UI does; the run's id."""
        run_tags = {"asked": f"{job}-{len(self.cluster.calls)}", **tags}
        self._dagster("job", "launch", "-m", _MODULE, "-j", job, "--tags", json.dumps(run_tags))
        with self.instance() as instance:
            (run,) = instance.get_runs(filters=dg.RunsFilter(tags=run_tags))
        return run.run_id

    def run(self, run_id: str) -> dg.DagsterRun:
        """The run as it is now."""
        with self.instance() as instance:
            run = instance.get_run_by_id(run_id)
        assert run is not None
        return run

    def finish(self, run_id: str) -> dg.DagsterRun:
        """The run, once it has come to its end."""
        until(lambda: self.run(run_id).is_finished, seconds=PATIENCE_SECONDS)
        return self.run(run_id)

    def jobs_of(self, run_id: str) -> list[Object]:
        """The Jobs of a run: its own, and those of its steps."""
        return self.cluster.objects.select("jobs", NAMESPACE, {"dagster/run-id": run_id})

    def pods_of(self, run_id: str) -> list[Object]:
        """Their pods."""
        return self.cluster.objects.select("pods", NAMESPACE, {"dagster/run-id": run_id})

    @contextmanager
    def daemon(self) -> Iterator[None]:
        """The daemon runs inside the block."""
        with (self.dagster_home / "daemon.log").open("wb") as log:
            command = ["dagster-daemon", "run", "-m", _MODULE]
            process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log, start_new_session=True)
            try:
                yield
            finally:
                process.terminate()
                try:
                    process.wait(timeout=30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    @property
    def _environment(self) -> dict[str, str]:
        return {**container_environment(), **self.variables, "DAGSTER_HOME": str(self.dagster_home)}

    def _dagster(self, *arguments: str) -> None:
        ended = subprocess.run(
            ["dagster", *arguments], env=self._environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS
        )
        assert ended.returncode == 0, ended.stderr[-3000:]
