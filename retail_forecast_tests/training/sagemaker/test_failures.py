from __future__ import annotations

from typing import Any

import pytest

from retail_forecast.training.sagemaker.failures import failure_of

JOB: dict[str, Any] = {
    "TrainingJobName": "train-1",
    "TrainingJobStatus": "Failed",
    "AlgorithmSpecification": {"TrainingImage": "ecr/none:1"},
    "ResourceConfig": {"InstanceType": "ml.m5.large"},
    "StoppingCondition": {"MaxRuntimeInSeconds": 100, "MaxWaitTimeInSeconds": 300},
}


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("CapacityError: Unable to provision", "found no free ml.m5.large .*TRAINING_INSTANCE_TYPE"),
        ("AlgorithmError: channel features is missing, exit code: 1", "train-1 failed: channel features is missing"),
        ("AlgorithmError: , exit code: 137", "train-1 failed and wrote no reason, exit code: 137"),
        ("ClientError: Cannot find repository: r for image r:1. Please check", "the image ecr/none:1 was not found"),
        ("ClientError: Cannot pull image: image does not exist", "the image ecr/none:1 was not found .*TRAINING_IMAGE"),
        ("InternalServerError: We encountered an internal error", "within SageMaker .*Finished pools are kept"),
        ("ClientError: Access denied on s3://b", "failed: ClientError: Access denied on s3://b"),
    ],
)
def test_the_reason_of_a_failed_job_is_told_with_what_to_do(reason: str, message: str) -> None:
    error = failure_of({**JOB, "FailureReason": reason})
    with pytest.raises(type(error), match=message):
        raise error


@pytest.mark.parametrize(
    ("secondary", "message"),
    [
        ("MaxRuntimeExceeded", "longer than the 100 s .*RETAIL_FORECAST_TRAINING_MAX_SECONDS"),
        ("MaxWaitTimeExceeded", "too little spot capacity within 300 s .*RETAIL_FORECAST_TRAINING_SPOT=false"),
        ("Stopped", "train-1 was stopped. Finished pools are kept"),
    ],
)
def test_the_reason_of_a_stopped_job_is_told_with_what_to_do(secondary: str, message: str) -> None:
    error = failure_of({**JOB, "TrainingJobStatus": "Stopped", "SecondaryStatus": secondary})
    with pytest.raises(type(error), match=message):
        raise error


def test_the_end_of_the_log_comes_with_the_reason() -> None:
    error = failure_of({**JOB, "FailureReason": "AlgorithmError: no"}, ["Traceback", "ValueError: no"])
    assert error.log_tail == "Traceback\nValueError: no"
