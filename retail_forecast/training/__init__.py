"""Training jobs: one entry point under one container contract, and the trainers that run it."""

from __future__ import annotations

from retail_forecast.settings import Settings
from retail_forecast.training.trainer import JobResult, Trainer, TrainingJob

__all__ = ["JobResult", "Trainer", "TrainingJob", "open_trainer"]


def open_trainer(settings: Settings) -> Trainer:
    """The trainer of the settings: a subprocess on this machine."""
    from retail_forecast.training.local import LocalTrainer

    return LocalTrainer(settings.home.resolve() / "jobs")
