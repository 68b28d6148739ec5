"""Settings and a job to make requests of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from retail_forecast.settings import Settings, load_settings
from retail_forecast.training import TrainingJob

ROLE = "arn:aws:iam::123456789012:role/training"
IMAGE = "123456789012.dkr.ecr.ap-southeast-1.amazonaws.com/retail-forecast:1"


def sagemaker_settings(**more: Any) -> Settings:
    """What SageMaker needs, and what a test changes."""
    needed = {"training_url": "s3://bucket/training", "training_image": IMAGE, "training_role_arn": ROLE}
    return load_settings(**{"trainer": "sagemaker", **needed, **more})


def training_job(name: str = "train-abc", **hyperparameters: str) -> TrainingJob:
    """A job whose channels are nowhere."""
    return TrainingJob("train", name, {}, {"recipe": "{}", "workers": "2", **hyperparameters}, Path("out"))
