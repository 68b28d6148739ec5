"""Settings and a job to make requests of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from retail_forecast.emulator import Cloud
from retail_forecast.settings import Settings, load_settings
from retail_forecast.training import TrainingJob
from retail_forecast.training.sagemaker.jobs import SageMakerJobs
from retail_forecast.training.sagemaker.trainer import SageMakerTrainer

ROLE = "arn:aws:iam::123456789012:role/training"
IMAGE = "123456789012.dkr.ecr.ap-southeast-1.amazonaws.com/retail-forecast-training:1"


def sagemaker_settings(**more: Any) -> Settings:
    """What SageMaker needs, and what a test changes."""
    needed = {"training_url": "s3://bucket/training", "training_image": IMAGE, "training_role_arn": ROLE}
    return load_settings(**{"trainer": "sagemaker", **needed, **more})


def training_job(name: str = "train-abc", **hyperparameters: str) -> TrainingJob:
    """A job whose channels are nowhere."""
    return TrainingJob("train", name, {}, {"recipe": "{}", "workers": "2", **hyperparameters}, Path("out"))


def quick_trainer(cloud: Cloud, **more: Any) -> SageMakerTrainer:
    """A trainer over the emulated cloud, with a bucket of its own, that polls often."""
    url = f"s3://{cloud.new_bucket('training')}/training"
    settings = sagemaker_settings(training_url=url, training_price_usd=3.6, **more)
    jobs = SageMakerJobs(
        cloud.client("sagemaker"),
        cloud.client("logs"),
        first_wait_seconds=0.1,
        longest_wait_seconds=0.2,
        settle_seconds=0,
    )
    return SageMakerTrainer(settings, cloud.client("s3"), jobs)
