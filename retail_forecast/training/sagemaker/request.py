"""The CreateTrainingJob request as a plain dict: from the settings, a job, and where its channels are in S3."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from retail_forecast.errors import ConfigurationError
from retail_forecast.settings import ENVIRONMENT_PREFIX, Settings
from retail_forecast.training.trainer import TrainingJob

CHECKPOINTS = "/opt/ml/checkpoints"
ENTRYPOINT = ["python", "-m", "retail_forecast.training.entrypoint"]
METRICS = ("pools", "wrmsse", "wspl", "wql")
_LONGEST_NAME, _LONGEST_VALUE = 63, 2500
_LONGEST_SUFFIX = len("-999")


def build_request(settings: Settings, job: TrainingJob, channels: Mapping[str, str]) -> dict[str, Any]:
    """What CreateTrainingJob is asked for. `channels`: name to s3:// URL. Raises ConfigurationError.

    The name is the same for equal inputs, and the checkpoints lie under it, so that a further attempt goes on.
    """
    base = required(settings, "training_url").rstrip("/")
    name = job_name(settings, job, channels)
    key = settings.training_kms_key
    return {
        "TrainingJobName": name,
        "RoleArn": required(settings, "training_role_arn"),
        "AlgorithmSpecification": {
            "TrainingImage": required(settings, "training_image"),
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ENTRYPOINT,
            "MetricDefinitions": [{"Name": one, "Regex": rf"metric {one}=([0-9.e+-]+)"} for one in METRICS],
        },
        "HyperParameters": _hyperparameters(job),
        **({"InputDataConfig": [_channel(*one) for one in sorted(channels.items())]} if channels else {}),
        "OutputDataConfig": {"S3OutputPath": f"{base}/jobs", **({"KmsKeyId": key} if key else {})},
        "CheckpointConfig": {"S3Uri": f"{base}/checkpoints/{name}", "LocalPath": CHECKPOINTS},
        "ResourceConfig": _resources(settings),
        "Environment": {f"{ENVIRONMENT_PREFIX}AWS_REGION": settings.aws_region},
        "Tags": [{"Key": key, "Value": value} for key, value in _tags(settings).items()],
        "EnableInterContainerTrafficEncryption": settings.training_instance_count > 1,
        **_limits(settings),
        **_network(settings),
    }


def job_name(settings: Settings, job: TrainingJob, channels: Mapping[str, str]) -> str:
    """The same for equal inputs, hyperparameters and image, within SageMaker's rules for names."""
    content = [job.task, dict(job.hyperparameters), dict(channels), settings.training_image]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:10]
    plain = re.sub(r"[^a-zA-Z0-9]+", "-", f"retail-forecast-{job.name}").strip("-")
    return f"{plain[: _LONGEST_NAME - _LONGEST_SUFFIX - len(digest) - 1].rstrip('-')}-{digest}"


def attempt_name(name: str, number: int) -> str:
    """The name of an attempt at a job; the first has the job's own.

    >>> attempt_name("train-1", 1), attempt_name("train-1", 2)
    ('train-1', 'train-1-2')
    """
    return name if number == 1 else f"{name}-{number}"


def required(settings: Settings, name: str) -> str:
    """A setting that SageMaker cannot do without. Raises ConfigurationError."""
    value = getattr(settings, name)
    if not value:
        expected = f"{type(settings).model_fields[name].description} (needed by {ENVIRONMENT_PREFIX}TRAINER=sagemaker)"
        raise ConfigurationError(key=f"{ENVIRONMENT_PREFIX}{name.upper()}", found=value, expected=expected)
    return str(value)


def _hyperparameters(job: TrainingJob) -> dict[str, str]:
    values = {"task": job.task, **job.hyperparameters, "workers": "auto"}  # cores of the instance, not of this machine
    for key, value in values.items():
        if len(value) > _LONGEST_VALUE:
            expected = f"at most {_LONGEST_VALUE} characters, SageMaker's limit"
            raise ConfigurationError(key=f"hyperparameter {key}", found=f"{len(value)} characters", expected=expected)
    return values


def _channel(name: str, url: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": url, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "InputMode": "File", "DataSource": {"S3DataSource": source}}


def _resources(settings: Settings) -> dict[str, Any]:
    key = settings.training_kms_key
    return {
        "InstanceType": settings.training_instance_type,
        "InstanceCount": settings.training_instance_count,
        "VolumeSizeInGB": settings.training_volume_gb,
        **({"VolumeKmsKeyId": key} if key else {}),
    }


def _limits(settings: Settings) -> dict[str, Any]:
    most, wait = settings.training_max_seconds, settings.training_max_wait_seconds
    if not settings.training_spot:
        return {"EnableManagedSpotTraining": False, "StoppingCondition": {"MaxRuntimeInSeconds": most}}
    if wait < most:
        expected = f"at least {ENVIRONMENT_PREFIX}TRAINING_MAX_SECONDS, which is {most}"
        raise ConfigurationError(key=f"{ENVIRONMENT_PREFIX}TRAINING_MAX_WAIT_SECONDS", found=wait, expected=expected)
    stopping = {"MaxRuntimeInSeconds": most, "MaxWaitTimeInSeconds": wait}
    return {"EnableManagedSpotTraining": True, "StoppingCondition": stopping}


def _network(settings: Settings) -> dict[str, Any]:
    subnets, groups = _listed(settings.training_subnets), _listed(settings.training_security_groups)
    if bool(subnets) != bool(groups):
        missing = "SECURITY_GROUPS" if subnets else "SUBNETS"
        expected = "subnets and security groups together, or neither"
        raise ConfigurationError(key=f"{ENVIRONMENT_PREFIX}TRAINING_{missing}", found=None, expected=expected)
    return {"VpcConfig": {"Subnets": subnets, "SecurityGroupIds": groups}} if subnets else {}


def _tags(settings: Settings) -> dict[str, str]:
    tags = {"project": "retail-forecast"}
    for pair in _listed(settings.training_tags):
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            name = f"{ENVIRONMENT_PREFIX}TRAINING_TAGS"
            raise ConfigurationError(key=name, found=pair, expected="key=value pairs with commas between")
        tags[key.strip()] = value.strip()
    return tags


def _listed(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]
