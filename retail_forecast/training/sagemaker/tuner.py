"""The search for a recipe as one tuning job of SageMaker: it draws the values, runs the trials, picks the best.

Each trial is the backtest of `retail_forecast.training.entrypoint`, with what was drawn as further hyperparameters.
A tuning job is known by its name, which comes from all that its errors depend on: whoever asks again finds it.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from retail_forecast.aws import aws_client, aws_errors
from retail_forecast.errors import AwsError, TrainingError
from retail_forecast.models import Recipe
from retail_forecast.settings import Settings
from retail_forecast.training.recipes import TUNED, with_tuned
from retail_forecast.training.sagemaker.jobs import ENDED, is_lasting
from retail_forecast.training.sagemaker.request import attempt_name, build_request
from retail_forecast.training.trainer import TrainingJob
from retail_forecast.training.tuning import Dimension

OBJECTIVE = "wrmsse"
STRATEGY = "Bayesian"
_OF_DEFINITION = (
    *("RoleArn", "InputDataConfig", "OutputDataConfig", "CheckpointConfig", "ResourceConfig", "Environment"),
    *("StoppingCondition", "EnableManagedSpotTraining", "EnableInterContainerTrafficEncryption", "VpcConfig"),
)


@dataclass(frozen=True)
class TunedTrial:
    """One training job of a tuning job that ended with an error to judge it by."""

    number: int
    job: str
    recipe: Recipe
    values: Mapping[str, Any]
    error: float


@dataclass(frozen=True)
class SageMakerTuner:
    """Tuning jobs through a client of sagemaker. Polls that fail are tried again for `patience_seconds`."""

    settings: Settings
    sagemaker: Any
    wait_seconds: float = 10.0
    patience_seconds: float = 900.0

    def run(
        self, request: Mapping[str, Any], start: Recipe, on_progress: Callable[[int], None] = lambda _: None
    ) -> list[TunedTrial]:
        """The trials of the tuning job, in the order of their start; started, or found again. Raises TrainingError.

        on_progress: told how many trials have ended.
        """
        name, described = self._find(request["HyperParameterTuningJobName"])
        if described is None:
            self._start({**request, "HyperParameterTuningJobName": name})
        try:
            described = self._follow(name, on_progress)
        except KeyboardInterrupt:
            self._stop(name)
            raise
        if described["HyperParameterTuningJobStatus"] != "Completed":
            why = described.get("FailureReason") or "it was stopped"
            raise TrainingError(f"Tuning job {name} did not end well: {why}. Run it again for another attempt.")
        return self._trials(name, start)

    def _find(self, name: str) -> tuple[str, Mapping[str, Any] | None]:
        """The attempt that is under way or ended well, or the name of the next one."""
        number = 1
        while True:
            attempt = attempt_name(name, number)
            described = self._describe(attempt)
            if described is None or described["HyperParameterTuningJobStatus"] in ("InProgress", "Completed"):
                return attempt, described
            number += 1

    def _start(self, request: Mapping[str, Any]) -> None:
        name = request["HyperParameterTuningJobName"]
        try:
            with aws_errors(f"Tuning job {name}"):
                self.sagemaker.create_hyper_parameter_tuning_job(**request)
        except AwsError as error:
            if error.code != "ResourceInUse":  # somebody else just started it
                raise TrainingError(f"Tuning job {name} could not be started. {error}") from error

    def _describe(self, name: str) -> Mapping[str, Any] | None:
        try:
            with aws_errors(f"Tuning job {name}"):
                described: Mapping[str, Any] = self.sagemaker.describe_hyper_parameter_tuning_job(
                    HyperParameterTuningJobName=name
                )
                return described
        except AwsError as error:
            if error.code in ("ValidationException", "ResourceNotFound"):
                return None
            raise

    def _follow(self, name: str, on_progress: Callable[[int], None]) -> Mapping[str, Any]:
        seen = time.monotonic()
        while True:
            try:
                described = self._describe(name)
            except AwsError as error:
                if is_lasting(error) or time.monotonic() - seen > self.patience_seconds:
                    raise
            else:
                if described is None:
                    raise TrainingError(f"Tuning job {name} is gone from SageMaker. Run it again.")
                seen = time.monotonic()
                on_progress(_ended_trials(described))
                if described["HyperParameterTuningJobStatus"] in ENDED:
                    return described
            time.sleep(self.wait_seconds)

    def _stop(self, name: str) -> None:
        with aws_errors(f"Tuning job {name}"):
            self.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)

    def _trials(self, name: str, start: Recipe) -> list[TunedTrial]:
        return [
            TunedTrial(
                number,
                row["TrainingJobName"],
                with_tuned(start, row["TunedHyperParameters"]),
                {key.removeprefix(TUNED): value for key, value in row["TunedHyperParameters"].items()},
                float(row["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]),
            )
            for number, row in enumerate(self._rows(name), 1)
            if "FinalHyperParameterTuningJobObjectiveMetric" in row
        ]

    def _rows(self, name: str) -> Iterator[Mapping[str, Any]]:
        with aws_errors(f"The trials of {name}"):
            pages = self.sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
                HyperParameterTuningJobName=name, SortBy="CreationTime", SortOrder="Ascending"
            )
            for page in pages:
                yield from page["TrainingJobSummaries"]


def build_tuning_request(
    settings: Settings,
    job: TrainingJob,
    channels: Mapping[str, str],
    space: Mapping[str, Dimension],
    *,
    trials: int,
    parallel: int,
) -> dict[str, Any]:
    """What CreateHyperParameterTuningJob is asked for: `trials` of a backtest, so many at a time, over the space."""
    training = build_request(settings, job, channels)
    algorithm = dict(training["AlgorithmSpecification"])
    del algorithm["ContainerEntrypoint"]  # not to be had here: the image's own is the same
    definition = {key: training[key] for key in _OF_DEFINITION if key in training}
    config = {
        "Strategy": STRATEGY,
        "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": OBJECTIVE},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": trials, "MaxParallelTrainingJobs": min(parallel, trials)},
        "ParameterRanges": _ranges(space),
        "TrainingJobEarlyStoppingType": "Off",
        "RandomSeed": 1,
    }
    fixed = {
        "StaticHyperParameters": training["HyperParameters"],
        "AlgorithmSpecification": algorithm,
        **definition,
    }
    return {
        "HyperParameterTuningJobName": _name(config, training["TrainingJobName"]),
        "HyperParameterTuningJobConfig": config,
        "TrainingJobDefinition": fixed,
        "Tags": training["Tags"],
    }


def open_sagemaker_tuner(settings: Settings) -> SageMakerTuner:
    """The tuner of the settings, with a client of its own."""
    return SageMakerTuner(settings, aws_client("sagemaker", region=settings.aws_region))


def _name(config: Mapping[str, Any], training: str) -> str:
    """The same for equal searches; a tuning job's name has 32 characters at most, an attempt's number included."""
    digest = hashlib.sha256(json.dumps([config, training], sort_keys=True).encode()).hexdigest()
    return f"retail-forecast-tune-{digest[:8]}"


def _ranges(space: Mapping[str, Dimension]) -> dict[str, Any]:
    whole = [_range(name, one) for name, one in space.items() if one.whole]
    broken = [_range(name, one) for name, one in space.items() if not one.whole]
    return {"IntegerParameterRanges": whole, "ContinuousParameterRanges": broken}


def _range(name: str, one: Dimension) -> dict[str, str]:
    scale = "Logarithmic" if one.logarithmic else "Linear"
    return {"Name": f"{TUNED}{name}", "MinValue": f"{one.low:g}", "MaxValue": f"{one.high:g}", "ScalingType": scale}


def _ended_trials(described: Mapping[str, Any]) -> int:
    counted = described["TrainingJobStatusCounters"]
    return sum(counted.get(name, 0) for name in ("Completed", "NonRetryableError", "Stopped"))
