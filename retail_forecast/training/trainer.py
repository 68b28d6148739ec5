"""The trainer port: what a training job is, whoever runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

ROOT_VARIABLE = "RETAIL_FORECAST_ML_ROOT"
"""Names the folder of the container contract; /opt/ml where it is not set."""

END_WITH_STDIN_VARIABLE = "RETAIL_FORECAST_END_WITH_STDIN"
"""Set by a trainer that holds the standard input of the job: the job ends when it closes."""


@dataclass(frozen=True)
class TrainingJob:
    """A job under the container contract.

    task: train or backtest. name: the same for equal inputs, so that a job can be found again. channels: input
    folders by name. hyperparameters: texts, as the contract has them. output_dir: receives the result; it must not
    exist yet.
    """

    task: str
    name: str
    channels: Mapping[str, Path]
    hyperparameters: Mapping[str, str]
    output_dir: Path


@dataclass(frozen=True)
class JobResult:
    """What a finished job left, and what it took. Peak memory is that of all the job's processes together."""

    model_dir: Path
    metrics: Mapping[str, float] = field(default_factory=dict)
    wall_seconds: float = 0.0
    peak_memory_gb: float = 0.0


class Trainer(Protocol):
    """Runs training jobs."""

    def run(self, job: TrainingJob, *, on_log: Callable[[str], None] | None = None) -> JobResult:
        """Runs the job to its end; `on_log` gets each line of its log as it comes.

        A job of that name that was interrupted goes on from its checkpoints. Raises TrainingError with the reason
        that the job gave and the end of its log.
        """
        ...
