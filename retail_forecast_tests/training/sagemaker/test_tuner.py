"""A search as a tuning job: what is asked for, and that the emulator's trials are found, judged and found again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from retail_forecast.emulator import Cloud
from retail_forecast.errors import ConfigurationError, TrainingError
from retail_forecast.models import Recipe
from retail_forecast.training import TrainingJob
from retail_forecast.training.recipes import with_tuned
from retail_forecast.training.sagemaker.cost import estimate_cost, require_budget
from retail_forecast.training.sagemaker.tuner import SageMakerTuner, build_tuning_request
from retail_forecast.training.tuning import Dimension, search_space
from retail_forecast_tests.training.sagemaker.jobs_of import quick_trainer, sagemaker_settings, training_job

SPACE = {"leaves": Dimension(15, 255, whole=True, logarithmic=True), "row_fraction": Dimension(0.4, 0.95)}
TRIAL = """
import json, pathlib
values = json.loads(pathlib.Path("/opt/ml/input/config/hyperparameters.json").read_text())
print(f"metric wrmsse={abs(int(values['recipe.leaves']) - 40) / 100:.6g}")
"""


def request_of(settings: Any, *, trials: int = 3, **more: str) -> dict[str, Any]:
    job = replace(training_job("backtest-1", cutoffs="1", **more), task="backtest")
    return build_tuning_request(settings, job, {"features": "s3://bucket/f/"}, SPACE, trials=trials, parallel=2)


def test_the_request_is_a_backtest_over_the_space() -> None:
    request = request_of(sagemaker_settings(training_kms_key="key-1"))
    config, definition = request["HyperParameterTuningJobConfig"], request["TrainingJobDefinition"]
    assert config["ParameterRanges"]["IntegerParameterRanges"] == [
        {"Name": "recipe.leaves", "MinValue": "15", "MaxValue": "255", "ScalingType": "Logarithmic"}
    ]
    assert config["HyperParameterTuningJobObjective"] == {"Type": "Minimize", "MetricName": "wrmsse"}
    assert config["ResourceLimits"] == {"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 2}
    assert definition["StaticHyperParameters"]["task"] == "backtest"
    assert definition["EnableManagedSpotTraining"] is True
    assert definition["OutputDataConfig"]["KmsKeyId"] == "key-1"
    assert "ContainerEntrypoint" not in definition["AlgorithmSpecification"]


def test_equal_searches_have_one_name_within_the_limit_and_others_have_others() -> None:
    settings = sagemaker_settings()
    names = [request_of(settings)["HyperParameterTuningJobName"] for _ in range(2)]
    others = [request_of(settings, trials=4), request_of(settings, more="1")]
    assert names[0] == names[1]
    assert len({names[0], *(one["HyperParameterTuningJobName"] for one in others)}) == 3
    assert len(names[0]) + len("-99") <= 32


def test_what_a_tuner_drew_replaces_numbers_of_the_recipe_alone() -> None:
    drawn = {"recipe.leaves": "31", "recipe.learning_rate": "0.05", "workers": "2", "_tuning_objective_metric": "x"}
    assert with_tuned(Recipe(), drawn) == Recipe(leaves=31, learning_rate=0.05)
    for name, text in (("leaves", "31.5"), ("members", "plain"), ("unheard_of", "1")):
        with pytest.raises(ConfigurationError, match=f"hyperparameter recipe.{name}: found '{text}'"):
            with_tuned(Recipe(), {f"recipe.{name}": text})


def test_a_search_that_may_cost_more_than_the_budget_is_not_started() -> None:
    # 11 jobs of an hour at 2 USD
    known = {"training_price_usd": 2.0, "training_spot": False, "training_max_seconds": 3600}
    settings = sagemaker_settings(training_budget_usd=21.99, **known)
    with pytest.raises(ConfigurationError, match=r"at least 22\.00 for this search: 11 jobs of 3,600 s"):
        require_budget(settings, estimate_cost(settings, jobs=11), "this search")
    require_budget(settings, estimate_cost(settings, jobs=10), "this search")
    unknown = sagemaker_settings(training_budget_usd=5.0, aws_region="ap-southeast-1")
    with pytest.raises(ConfigurationError, match="no known price"):
        require_budget(unknown, estimate_cost(unknown, jobs=1), "this search")


def tuner_and_request(cloud: Cloud, body: str = TRIAL) -> tuple[SageMakerTuner, dict[str, Any]]:
    """A tuner whose trials are a few lines of Python, in an image of their own."""
    import sys

    settings = quick_trainer(cloud).settings
    image = f"tuned-{str(settings.training_url).split('/')[2]}"
    cloud.add_image(image, [sys.executable, "-c", body])
    settings = settings.model_copy(update={"training_image": image})
    job = TrainingJob("backtest", "b", {}, {"recipe": json.dumps(Recipe().to_json())}, Path("out"))
    request = build_tuning_request(settings, job, {}, SPACE, trials=3, parallel=2)
    return SageMakerTuner(settings, cloud.client("sagemaker"), wait_seconds=0.1), request


def test_trials_are_judged_and_a_later_call_finds_them_again(aws_cloud: Cloud) -> None:
    tuner, request = tuner_and_request(aws_cloud)
    told: list[int] = []
    trials = tuner.run(request, Recipe(), told.append)
    assert [trial.number for trial in trials] == [1, 2, 3]
    assert [trial.error for trial in trials] == [abs(trial.recipe.leaves - 40) / 100 for trial in trials]
    assert told[-1] == 3
    assert tuner.run(request, Recipe()) == trials
    assert created(aws_cloud, request) == 1


def test_a_search_whose_caller_died_is_followed_by_the_next_one(aws_cloud: Cloud) -> None:
    tuner, request = tuner_and_request(aws_cloud)

    def die(_ended: int) -> None:
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - stands for kill -9
        tuner.run(request, Recipe(), die)
    assert len(tuner.run(request, Recipe())) == 3
    assert created(aws_cloud, request) == 1


def test_a_search_that_fails_says_why_and_the_next_call_makes_another_attempt(aws_cloud: Cloud) -> None:
    tuner, request = tuner_and_request(aws_cloud, "raise SystemExit(3)")
    for _ in range(2):
        with pytest.raises(TrainingError, match="All training jobs failed"):
            tuner.run(request, Recipe())
    assert created(aws_cloud, request) == 2


def created(cloud: Cloud, request: dict[str, Any]) -> int:
    """How many tuning jobs were asked for under the name of the request, further attempts included."""
    name = request["HyperParameterTuningJobName"]
    calls = [call for call in cloud.calls() if call["action"] == "CreateHyperParameterTuningJob"]
    return len([call for call in calls if name in str(call["resource"])])


def test_the_space_of_a_recipe_holds_its_own_values() -> None:
    start = Recipe()
    assert all(one.low <= getattr(start, name) <= one.high for name, one in search_space(start).items())
