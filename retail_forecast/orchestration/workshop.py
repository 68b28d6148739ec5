"""One training job: its channels in a scratch folder, its name, its progress, its cost."""

import json
import re
import shutil
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal, Self

from retail_forecast.lake.artifacts import Artifact
from retail_forecast.models import Recipe
from retail_forecast.orchestration.resources import Platform
from retail_forecast.pipeline.features import KIND
from retail_forecast.pipeline.history import write_history
from retail_forecast.training import JobResult, Source, TrainingJob

OnLog = Callable[[str], None]

JOB_ARN = "job ARN"
"""Where the info of an artifact says which job in a cloud made it."""


class Workshop:
    """A scratch folder for one job, below the home: the lake may be far away, and /tmp small."""

    def __init__(self, platform: Platform, name: str) -> None:
        self._platform, self._name = platform, name
        self.folder = platform.settings.home.resolve() / "scratch" / name

    def __enter__(self) -> Self:
        shutil.rmtree(self.folder, ignore_errors=True)  # of an attempt that was killed
        self.folder.mkdir(parents=True)
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def features(self, fingerprint: str) -> Artifact:
        """The training set, where it lies in the lake: it may be large."""
        return Artifact(self._platform.lake, KIND, fingerprint)

    def history(self, cutoff: date) -> Path:
        """What the backtest is scored against."""
        return write_history(self._platform.lake, self._platform.dataset, self.folder / "history", cutoff=cutoff)

    def job(
        self, task: Literal["train", "backtest"], channels: Mapping[str, Source], recipe: Recipe, **more: str
    ) -> TrainingJob:
        """The job under the container contract; its name is the same for equal inputs."""
        parameters = {"recipe": json.dumps(recipe.to_json()), "workers": str(self._platform.settings.workers), **more}
        return TrainingJob(task, self._name, dict(channels), parameters, self.folder / "output")


def progress_listener(platform: Platform, on_log: OnLog) -> OnLog:
    """Hands each line on, and tells progress where the line does."""

    def listen(line: str) -> None:
        on_log(line)
        found = re.match(r"(\w+): (\d+) of (\d+) pools$", line)
        if found is not None and (tell := platform.progress(f"{found[1].capitalize()}, pools")) is not None:
            tell(int(found[2]), int(found[3]))

    return listen


def cost_of(result: JobResult) -> dict[str, Any]:
    """What a job took, for the info of its artifact; of a job in a cloud also where it was, and its price."""
    taken = {"seconds": result.wall_seconds, "peak memory GB": result.peak_memory_gb}
    if (bill := result.bill) is None:
        return taken
    priced = {} if bill.cost_usd is None else {"cost USD": bill.cost_usd}
    job = {"job ARN": bill.job_arn, "job": bill.console_url, "instance": bill.instance}
    return {**taken, **job, "billed seconds": bill.billed_seconds, **priced}


SHOWN_COST = ("seconds", "peak memory GB", "job ARN", "job", "instance", "billed seconds", "cost USD")
