"""Models and their stages: which one is champion, which were rejected and why."""

from __future__ import annotations

from retail_forecast.registry.port import ModelRegistry, ModelVersion
from retail_forecast.settings import Settings

__all__ = ["ModelRegistry", "ModelVersion", "open_registry"]


def open_registry(settings: Settings) -> ModelRegistry:
    """The registry that the settings name. Nothing is read or written before the first question."""
    from retail_forecast.registry.mlflow_registry import MlflowRegistry

    return MlflowRegistry(uri=settings.mlflow, folder=settings.home.resolve() / "mlflow")
