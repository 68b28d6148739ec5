"""The orchestrator is killed while SageMaker trains: the next one finds the job and starts no second."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import pytest

from retail_forecast.cli.dagster_services import dagster_services
from retail_forecast.cli.processes import read_notes
from retail_forecast.emulator import Cloud
from retail_forecast.orchestration.instance import open_instance
from retail_forecast.settings import Settings, load_settings
from retail_forecast_tests.orchestration.world import World
from retail_forecast_tests.training.sagemaker.jobs_of import IMAGE, ROLE

WAIT_SECONDS = 900
MODEL = dg.AssetKey("model")


def wait_for(what: Callable[[], Any]) -> Any:
    until = time.monotonic() + WAIT_SECONDS
    while not (found := what()):
        assert time.monotonic() < until, f"{what} came to nothing within {WAIT_SECONDS} s"
        time.sleep(0.1)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def settings(aws_cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A retailer whose files have landed, and whose models are trained on SageMaker."""
    world = World(tmp_path)
    world.write_dataset()
    world.deliver_all()
    bucket = aws_cloud.new_bucket("drill")
    place = {"training_url": f"s3://{bucket}/training", "training_image": IMAGE, "training_role_arn": ROLE}
    ports = {name: free_port() for name in ("ui_port", "api_port", "ray_dashboard_port")}
    small = {"preset": "fast", "workers": 1, "backtest_cutoffs": 1, "settle_seconds": 0}
    for name, value in {"home": tmp_path, "trainer": "sagemaker", **place, **ports, **small}.items():
        monkeypatch.setenv(f"RETAIL_FORECAST_{name.upper()}", str(value))
    return load_settings()


def training_jobs(cloud: Cloud, settings: Settings) -> dict[str, str]:
    """Name to status of the jobs of this drill that train."""
    client, bucket = cloud.client("sagemaker"), str(settings.training_url).split("/")[2]
    found = client.list_training_jobs(NameContains="retail-forecast-train-", MaxResults=100)["TrainingJobSummaries"]
    places = {
        one["TrainingJobName"]: client.describe_training_job(TrainingJobName=one["TrainingJobName"])["OutputDataConfig"]
        for one in found
    }
    return {
        one["TrainingJobName"]: one["TrainingJobStatus"]
        for one in found
        if bucket in places[one["TrainingJobName"]]["S3OutputPath"]
    }


def containers() -> list[psutil.Process]:
    """The processes of jobs that run behind the emulator, which is a child of this process."""
    return [one for one in psutil.Process().children(recursive=True) if is_container(one)]


def is_container(process: psutil.Process) -> bool:
    try:
        return process.cmdline()[1:] == ["-m", "retail_forecast.training.entrypoint"]
    except psutil.Error:
        return False


def kill_orchestrator(settings: Settings) -> None:
    """Kill -9 for the daemon, the code server, the UI and the workers of runs, all at once."""
    notes = read_notes(settings.home / "run")
    assert {note.name for note in notes} == {"code-server", "daemon", "ui"}
    parents = [psutil.Process(note.pid) for note in notes]
    for one in [child for parent in parents for child in parent.children(recursive=True)] + parents:
        one.send_signal(signal.SIGKILL)
    psutil.wait_procs(parents, timeout=30)


def said(instance: dg.DagsterInstance, text: str) -> list[str]:
    """Runs whose event log has the text."""
    runs = [run.run_id for run in instance.get_runs()]
    return [run_id for run_id in runs if any(text in entry.user_message for entry in instance.all_logs(run_id))]


@pytest.mark.slow
def test_the_job_of_an_orchestrator_that_was_killed_is_found_by_the_next_one(
    aws_cloud: Cloud, settings: Settings
) -> None:
    with dagster_services(settings):
        wait_for(lambda: training_jobs(aws_cloud, settings))
        (job,) = wait_for(containers)
        job.suspend()  # so that it is still under way when it is looked for again
        kill_orchestrator(settings)
    ((name, status),) = training_jobs(aws_cloud, settings).items()
    assert status == "InProgress"
    with dagster_services(settings), open_instance(settings) as instance:
        (second,) = wait_for(lambda: said(instance, f"Found training job {name} (InProgress)"))
        job.resume()
        event = wait_for(lambda: instance.get_latest_materialization_event(MODEL))
    assert event.run_id == second
    assert training_jobs(aws_cloud, settings) == {name: "Completed"}
    asked = [call for call in aws_cloud.calls() if call["action"] == "CreateTrainingJob" and call["resource"] == name]
    assert len(asked) == 1
