"""Why a training job did not end well, in plain words and with what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from retail_forecast.errors import TrainingError

_KEPT = "Finished pools are kept: run it again and it goes on from there."
_IMAGE = re.compile(
    r"(?i)cannot find repository|(cannot|failed to) pull|image\b.*(not found|does not exist|manifest unknown)"
)


def failure_of(described: Mapping[str, Any], log_tail: Sequence[str] = ()) -> TrainingError:
    """The error for a job that DescribeTrainingJob shows as failed or stopped."""
    name = described["TrainingJobName"]
    why = _stopped(described) if described["TrainingJobStatus"] == "Stopped" else _failed(described)
    return TrainingError(f"Job {name} {why}", log_tail="\n".join(log_tail))


def _stopped(described: Mapping[str, Any]) -> str:
    limits, secondary = described.get("StoppingCondition", {}), described.get("SecondaryStatus")
    if secondary == "MaxRuntimeExceeded":
        longest = limits.get("MaxRuntimeInSeconds")
        return (
            f"ran longer than the {longest} s that it may (MaxRuntimeExceeded). Raise "
            f"RETAIL_FORECAST_TRAINING_MAX_SECONDS, or take a larger instance. {_KEPT}"
        )
    if secondary == "MaxWaitTimeExceeded":
        longest = limits.get("MaxWaitTimeInSeconds")
        return (
            f"got too little spot capacity within {longest} s (MaxWaitTimeExceeded). Raise "
            f"RETAIL_FORECAST_TRAINING_MAX_WAIT_SECONDS, or set RETAIL_FORECAST_TRAINING_SPOT=false. {_KEPT}"
        )
    return f"was stopped. {_KEPT}"


def _failed(described: Mapping[str, Any]) -> str:
    reason = str(described.get("FailureReason") or "SageMaker gave no reason")
    instance = described.get("ResourceConfig", {}).get("InstanceType", "this instance type")
    if reason.startswith("CapacityError"):
        return (
            f"found no free {instance} ({reason}). Try later, or set another RETAIL_FORECAST_TRAINING_INSTANCE_TYPE, "
            "subnet or region."
        )
    if _IMAGE.search(reason):
        image = described.get("AlgorithmSpecification", {}).get("TrainingImage")
        return (
            f"could not start: the image {image} was not found ({reason}). Push it to ECR, correct "
            "RETAIL_FORECAST_TRAINING_IMAGE, and let the job's role pull it."
        )
    if reason.startswith("AlgorithmError"):
        told = reason.removeprefix("AlgorithmError:").strip()
        return f"failed: {told}" if not told.startswith(", exit code") else f"failed and wrote no reason{told}"
    if reason.startswith("InternalServerError"):
        return f"failed within SageMaker ({reason}). {_KEPT}"
    return f"failed: {reason}"
