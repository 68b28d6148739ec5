"""Tuning jobs fan training jobs out over ranges and pick the best."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest

from retail_forecast.emulator.sagemaker.ranges import draw_parameters
from retail_forecast_tests.emulator.jobs import Desk

METRIC = [{"Name": "loss", "Regex": "loss=([0-9.]+)"}]
BODY = "x = float(config('hyperparameters')['x']); print(f'loss={(x - 3) ** 2}')"


def start(desk: Desk, body: str, ranges: dict[str, Any], **config: Any) -> str:
    """Starts a tuning job that minimizes the loss."""
    name = f"tune-{uuid.uuid4().hex[:12]}"
    request = desk.request(body, AlgorithmSpecification={"MetricDefinitions": METRIC})
    desk.sagemaker.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name,
        HyperParameterTuningJobConfig={
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 2},
            "ParameterRanges": ranges,
            "RandomSeed": 1,
            **config,
        },
        TrainingJobDefinition={key: value for key, value in request.items() if key != "TrainingJobName"}
        | {"StaticHyperParameters": {"task": "train"}},
    )
    return name


def finish(desk: Desk, name: str) -> dict[str, Any]:
    for _ in range(600):
        job: dict[str, Any] = desk.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        if job["HyperParameterTuningJobStatus"] in ("Completed", "Failed", "Stopped"):
            return job
        time.sleep(0.1)
    raise AssertionError(job)


def rows(desk: Desk, name: str, **order: str) -> list[dict[str, Any]]:
    answer = desk.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name, MaxResults=100, **order
    )
    found: list[dict[str, Any]] = answer["TrainingJobSummaries"]
    return found


def test_the_best_of_the_training_jobs_is_picked(desk: Desk) -> None:
    grid = {"CategoricalParameterRanges": [{"Name": "x", "Values": ["1", "2.5", "9"]}]}
    name = start(desk, BODY, grid, Strategy="Grid")
    job = finish(desk, name)
    # (1 - 3)² = 4, (2.5 - 3)² = 0.25, (9 - 3)² = 36
    assert job["BestTrainingJob"]["TunedHyperParameters"] == {"x": "2.5"}
    assert job["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == 0.25
    assert job["TrainingJobStatusCounters"]["Completed"] == job["ObjectiveStatusCounters"]["Succeeded"] == 3
    by_loss = rows(desk, name, SortBy="FinalObjectiveMetricValue", SortOrder="Ascending")
    assert [row["TunedHyperParameters"]["x"] for row in by_loss] == ["2.5", "1", "9"]
    child = desk.sagemaker.describe_training_job(TrainingJobName=by_loss[0]["TrainingJobName"])
    assert child["HyperParameters"] == {"task": "train", "x": "2.5", "_tuning_objective_metric": "loss"}
    assert child["TuningJobArn"] == job["HyperParameterTuningJobArn"]


def test_no_more_than_the_allowed_run_at_a_time(desk: Desk) -> None:
    floats = {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "0", "MaxValue": "1"}]}
    name = start(desk, BODY, floats)
    finish(desk, name)
    first, second, third = sorted(rows(desk, name), key=lambda row: row["CreationTime"])
    assert third["CreationTime"] >= min(first["TrainingEndTime"], second["TrainingEndTime"])


def test_a_stopped_tuning_job_stops_its_training_jobs(desk: Desk) -> None:
    floats = {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "0", "MaxValue": "1"}]}
    name = start(desk, "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); time.sleep(600)", floats)
    desk.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    assert finish(desk, name)["HyperParameterTuningJobStatus"] == "Stopped"
    assert {row["TrainingJobStatus"] for row in rows(desk, name)} <= {"Stopped"}


def test_a_tuning_job_without_a_figure_fails(desk: Desk) -> None:
    grid = {"CategoricalParameterRanges": [{"Name": "x", "Values": ["1"]}]}
    job = finish(desk, start(desk, "print('nothing')", grid, Strategy="Grid"))
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert "none printed the objective metric" in job["FailureReason"]


def test_draws_stay_within_their_ranges() -> None:
    ranges = {
        "IntegerParameterRanges": [{"Name": "n", "MinValue": "1", "MaxValue": "3"}],
        "ContinuousParameterRanges": [
            {"Name": "r", "MinValue": "0.001", "MaxValue": "0.1", "ScalingType": "Logarithmic"}
        ],
        "CategoricalParameterRanges": [{"Name": "c", "Values": ["a", "b"]}],
    }
    draws = draw_parameters({"Strategy": "Bayesian", "ParameterRanges": ranges, "RandomSeed": 7})
    some = [next(draws) for _ in range(200)]
    assert {row["n"] for row in some} == {"1", "2", "3"}
    assert {row["c"] for row in some} == {"a", "b"}
    assert all(0.001 <= float(row["r"]) <= 0.1 for row in some)
    below = sum(float(row["r"]) < 0.01 for row in some)  # half of them, on the logarithmic scale
    assert below == pytest.approx(100, abs=25)
