"""Training jobs: one entry point under one container contract, and the trainers that run it."""

from __future__ import annotations

from retail_forecast.settings import Settings
from retail_forecast.training.trainer import Bill, JobResult, Source, Trainer, TrainingJob

__all__ = ["Bill", "JobResult", "Source", "Trainer", "TrainingJob", "open_trainer"]


def open_trainer(settings: Settings) -> Trainer:
    """The trainer of the settings: a subprocess on this machine, or SageMaker."""
    if settings.trainer == "sagemaker":
        from retail_forecast.training.sagemaker.trainer import open_sagemaker_trainer

        return open_sagemaker_trainer(settings)
    from retail_forecast.training.local import LocalTrainer

    return LocalTrainer(settings.home.resolve() / "jobs")
