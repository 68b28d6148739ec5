"""`retail-forecast tune` on a small shop: killed, run again, and trained with what it found."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from retail_forecast.cli import app
from retail_forecast.dataset import load_dataset
from retail_forecast.emulator import Cloud
from retail_forecast.registry.mlflow_client import connect
from retail_forecast.settings import Settings, load_settings
from retail_forecast.training.recipes import chosen_recipe
from retail_forecast_tests.pipeline.adapter import dates, import_tables
from retail_forecast_tests.pipeline.test_adapters import DAILY, panel
from retail_forecast_tests.training.sagemaker.jobs_of import IMAGE, ROLE

pytest.importorskip("optuna", reason="the extra `tune` is not installed")


def kill_after_one_trial(home: Path) -> None:
    command = [sys.executable, "-m", "retail_forecast", "tune", "--trials", "3", "--cutoffs", "1"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("Trials"):
                process.send_signal(signal.SIGKILL)
                break


def tracked(settings: Settings) -> list[str]:
    client = connect(settings.mlflow)
    studies = [e.experiment_id for e in client.search_experiments() if e.name.startswith("backtest-by-hand")]
    return sorted(run.info.run_name for run in client.search_runs(studies))


def test_a_search_goes_on_after_a_kill_and_its_recipe_is_what_training_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = panel(dates(70), ["a"], ["x", "y"])
    import_tables(tmp_path, f"{DAILY}tables: {{sales: {{}}}}\n", {"sales": [rows]})
    for name, value in (("HOME", str(tmp_path)), ("PRESET", "fast"), ("WORKERS", "1")):
        monkeypatch.setenv(f"RETAIL_FORECAST_{name}", value)
    kill_after_one_trial(tmp_path)
    assert tracked(load_settings()) == ["trial-0"]
    result = CliRunner().invoke(app, ["tune", "--trials", "3", "--cutoffs", "1"])
    assert result.exit_code == 0, result.output
    assert tracked(load_settings()) == ["trial-0", "trial-1", "trial-2"]
    (path,) = (tmp_path / "recipes").glob("*.json")
    assert f"RETAIL_FORECAST_RECIPE_FILE={path} retail-forecast run" in result.output
    found = chosen_recipe(load_settings(recipe_file=path), load_dataset(tmp_path / "dataset.yaml"))
    assert found.digest.startswith(path.stem)


@pytest.mark.slow
def test_a_tuning_job_of_sagemaker_finds_a_recipe_and_is_found_again(
    aws_cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = panel(dates(70), ["a"], ["x", "y"])
    import_tables(tmp_path, f"{DAILY}tables: {{sales: {{}}}}\n", {"sales": [rows]})
    bucket = aws_cloud.new_bucket("tune")
    needed = {"TRAINING_URL": f"s3://{bucket}/training", "TRAINING_IMAGE": IMAGE, "TRAINING_ROLE_ARN": ROLE}
    chosen = {"HOME": str(tmp_path), "PRESET": "fast", "WORKERS": "1", "TRAINER": "sagemaker", **needed}
    for name, value in chosen.items():
        monkeypatch.setenv(f"RETAIL_FORECAST_{name}", value)
    for _ in range(2):
        result = CliRunner().invoke(app, ["tune", "--trials", "2", "--cutoffs", "1", "--tuner", "sagemaker"])
        assert result.exit_code == 0, result.output
    assert tracked(load_settings()) == ["trial-0", "trial-1", "trial-2"]
    (path,) = (tmp_path / "recipes").glob("*.json")
    found = json.loads(path.read_text())["found"]
    assert found["wrmsse"] <= found["wrmsse before"]
    asked = [call for call in aws_cloud.calls() if call["action"] == "CreateHyperParameterTuningJob"]
    assert len([call for call in asked if str(call["resource"]).startswith("retail-forecast-tune-")]) == 1


def test_a_tuning_job_needs_the_trainer_to_be_sagemaker() -> None:
    result = CliRunner().invoke(app, ["tune", "--trials", "2", "--tuner", "sagemaker"])
    assert "RETAIL_FORECAST_TRAINER: found 'local'; expected sagemaker" in str(result.exception)
