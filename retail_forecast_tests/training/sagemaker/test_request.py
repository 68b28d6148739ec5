from __future__ import annotations

import re
from typing import Any

import pytest

from retail_forecast.errors import ConfigurationError
from retail_forecast.training.sagemaker.request import attempt_name, build_request, job_name
from retail_forecast_tests.training.sagemaker.jobs_of import IMAGE, ROLE, sagemaker_settings, training_job

CHANNELS = {"features": "s3://bucket/training/inputs/0a/"}


def request(**settings: Any) -> dict[str, Any]:
    return build_request(sagemaker_settings(**settings), training_job(), CHANNELS)


def test_the_request_runs_the_entry_point_of_the_image_on_the_channels() -> None:
    found = request()
    algorithm, (channel,) = found["AlgorithmSpecification"], found["InputDataConfig"]
    assert (algorithm["TrainingImage"], found["RoleArn"]) == (IMAGE, ROLE)
    assert algorithm["ContainerEntrypoint"] == ["python", "-m", "retail_forecast.training.entrypoint"]
    assert channel["DataSource"]["S3DataSource"]["S3Uri"] == CHANNELS["features"]
    assert found["HyperParameters"] == {"task": "train", "recipe": "{}", "workers": "auto"}
    assert found["OutputDataConfig"] == {"S3OutputPath": "s3://bucket/training/jobs"}


def test_spot_comes_with_a_longest_wait_and_checkpoints() -> None:
    found = request(training_max_seconds=100, training_max_wait_seconds=300)
    assert found["EnableManagedSpotTraining"] is True
    assert found["StoppingCondition"] == {"MaxRuntimeInSeconds": 100, "MaxWaitTimeInSeconds": 300}
    assert found["CheckpointConfig"]["S3Uri"] == f"s3://bucket/training/checkpoints/{found['TrainingJobName']}"


def test_without_spot_no_wait_is_named_and_checkpoints_stay() -> None:
    found = request(training_spot=False, training_max_seconds=100)
    assert found["StoppingCondition"] == {"MaxRuntimeInSeconds": 100}
    assert found["EnableManagedSpotTraining"] is False
    assert "CheckpointConfig" in found


def test_key_network_tags_and_instances_are_those_of_the_settings() -> None:
    found = request(
        training_kms_key="key-1",
        training_subnets="subnet-1, subnet-2",
        training_security_groups="sg-1",
        training_tags="team=forecasting,stage=test",
        training_instance_type="ml.c5.4xlarge",
        training_instance_count=3,
        training_volume_gb=80,
    )
    assert found["OutputDataConfig"]["KmsKeyId"] == found["ResourceConfig"]["VolumeKmsKeyId"] == "key-1"
    assert found["VpcConfig"] == {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
    assert {"Key": "team", "Value": "forecasting"} in found["Tags"]
    assert (found["ResourceConfig"]["InstanceCount"], found["ResourceConfig"]["VolumeSizeInGB"]) == (3, 80)
    assert found["EnableInterContainerTrafficEncryption"] is True


def test_nothing_of_the_environment_goes_into_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "never-to-be-seen")
    found = request()
    assert found["Environment"] == {"RETAIL_FORECAST_AWS_REGION": "ap-southeast-1"}
    assert "never-to-be-seen" not in str(found)


def test_a_name_is_the_same_for_equal_inputs_and_another_for_others() -> None:
    settings, job = sagemaker_settings(), training_job()
    name = job_name(settings, job, CHANNELS)
    assert name == job_name(sagemaker_settings(training_instance_count=2), job, dict(CHANNELS))
    others = [
        job_name(settings, job, {"features": "s3://bucket/training/inputs/0b/"}),
        job_name(settings, training_job(cutoffs="3"), CHANNELS),
        job_name(sagemaker_settings(training_image="other"), job, CHANNELS),
    ]
    assert len({name, *others}) == 4


@pytest.mark.parametrize("name", ["t", "train_" * 20, "-odd name!-", "a" * 63])
def test_a_name_is_one_that_sagemaker_takes_for_any_attempt(name: str) -> None:
    made = attempt_name(job_name(sagemaker_settings(), training_job(name), CHANNELS), 999)
    assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", made)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"training_image": None}, r"RETAIL_FORECAST_TRAINING_IMAGE: found None; expected Image of training jobs"),
        ({"training_url": None}, "RETAIL_FORECAST_TRAINING_URL"),
        ({"training_role_arn": None}, "RETAIL_FORECAST_TRAINING_ROLE_ARN"),
        ({"training_max_wait_seconds": 60}, "TRAINING_MAX_WAIT_SECONDS: found 60; expected at least .* 21600"),
        ({"training_subnets": "subnet-1"}, "TRAINING_SECURITY_GROUPS: found None; expected subnets and security"),
        ({"training_tags": "team"}, "TRAINING_TAGS: found 'team'; expected key=value"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        request(**settings)


def test_a_hyperparameter_that_is_too_long_for_sagemaker_is_named() -> None:
    job = training_job(recipe="x" * 2501)
    with pytest.raises(ConfigurationError, match="hyperparameter recipe: found '2501 characters'"):
        build_request(sagemaker_settings(), job, CHANNELS)
