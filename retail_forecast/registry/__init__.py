"""Models and their stages: which one is champion, which were rejected and why."""

from __future__ import annotations

import re

from retail_forecast.registry.port import TRAINING_JOB, ModelRegistry, ModelVersion
from retail_forecast.settings import Settings

__all__ = ["TRAINING_JOB", "ModelRegistry", "ModelVersion", "open_registry"]


def open_registry(settings: Settings) -> ModelRegistry:
    """The registry that the settings name. Nothing is read or written before the first question."""
    if settings.registry == "sagemaker":
        return _open_sagemaker(settings)
    from retail_forecast.registry.mlflow_registry import MlflowRegistry

    return MlflowRegistry(uri=settings.mlflow, folder=settings.home.resolve() / "mlflow")


def _open_sagemaker(settings: Settings) -> ModelRegistry:
    from retail_forecast.dataset import load_dataset
    from retail_forecast.registry.sagemaker_registry import SageMakerRegistry

    return SageMakerRegistry(
        group=settings.model_package_group or _group_of(load_dataset(settings.dataset_path).name),
        url=settings.registry_url or f"{settings.lake.rstrip('/')}/registry",
        region=settings.aws_region,
        image=settings.inference_image,
    )


def _group_of(dataset: str) -> str:
    """A name that SageMaker takes: letters, digits and hyphens, 63 at most."""
    return re.sub(r"[^A-Za-z0-9]+", "-", f"retail-forecast-{dataset}").strip("-")[:63].rstrip("-")
