"""The trainer port: what a training job is, whoever runs it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from retail_forecast.errors import TrainingError
from retail_forecast.lake.artifacts import Artifact

ROOT_VARIABLE = "RETAIL_FORECAST_ML_ROOT"
"""Names the folder of the container contract; /opt/ml where it is not set."""

END_WITH_STDIN_VARIABLE = "RETAIL_FORECAST_END_WITH_STDIN"
"""Set by a trainer that holds the standard input of the job: the job ends when it closes."""


Source = Path | Artifact
"""What a channel is filled from: a folder of this machine, or one that is published in the lake."""


@dataclass(frozen=True)
class TrainingJob:
    """A job under the container contract.

    task: train or backtest. name: the same for equal inputs, so that a job can be found again. channels: input
    folders by name; one of the lake travels only where the job cannot reach it. hyperparameters: texts, as the
    contract has them. output_dir: receives the result; it must not exist yet.
    """

    task: str
    name: str
    channels: Mapping[str, Source]
    hyperparameters: Mapping[str, str]
    output_dir: Path


@dataclass(frozen=True)
class Bill:
    """What a job in a cloud was, and what it cost. cost_usd: None where the price is not known.

    instance: such as "2 x ml.m5.2xlarge, spot". billed_seconds: of one instance. console_url: where to look at the job.
    """

    job_arn: str
    instance: str
    billed_seconds: float
    cost_usd: float | None
    console_url: str


@dataclass(frozen=True)
class JobResult:
    """What a finished job left, and what it took. Peak memory is that of all the job's processes together.

    bill: None for a job of this machine.
    """

    model_dir: Path
    metrics: Mapping[str, float] = field(default_factory=dict)
    wall_seconds: float = 0.0
    peak_memory_gb: float = 0.0
    bill: Bill | None = None


class Trainer(Protocol):
    """Runs training jobs."""

    def run(self, job: TrainingJob, *, on_log: Callable[[str], None] | None = None) -> JobResult:
        """Runs the job to its end; `on_log` gets each line of its log as it comes.

        A job of that name that was interrupted goes on from its checkpoints. Raises TrainingError with the reason
        that the job gave and the end of its log.
        """
        ...


def require_new(job: TrainingJob) -> None:
    """Raises TrainingError where the job's output exists already."""
    if job.output_dir.exists():
        raise TrainingError(f"Job {job.name}: its output {job.output_dir} exists already. Remove it, or use it.")


def require_folders(job: TrainingJob) -> None:
    """Raises TrainingError naming a channel that is no folder, NotFoundError where it is not published."""
    for channel, source in job.channels.items():
        if isinstance(source, Artifact):
            source.info()
        elif not source.is_dir():
            raise TrainingError(f"Job {job.name}: channel {channel!r} names {source}, which is no folder.")


def show_whole(model: Path, output_dir: Path) -> None:
    """Moves the result, which may mean copying it from another file system, and shows it whole or not at all."""
    aside = output_dir.with_name(f".{output_dir.name}.partial")
    shutil.rmtree(aside, ignore_errors=True)
    aside.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(model, aside)
    aside.rename(output_dir)
