"""The trainer port on SageMaker: channels are in S3 or go there, the job runs the same entry point, its result comes
back.

What a job started, a later call finds again under the same name, also from another process: one that is under way is
followed, one that ended well is used, and only after a failure is there another attempt, with the same checkpoints.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from retail_forecast.aws import aws_client
from retail_forecast.lake.artifacts import Artifact
from retail_forecast.scratch import scratch_folder
from retail_forecast.settings import Settings
from retail_forecast.training.sagemaker.cost import cost_usd, hourly_price, instances_text
from retail_forecast.training.sagemaker.jobs import Described, SageMakerJobs, console_url
from retail_forecast.training.sagemaker.request import build_request, required
from retail_forecast.training.sagemaker.transfer import exists, fetch_archive, split_url, upload_folder
from retail_forecast.training.trainer import (
    Bill,
    JobResult,
    Source,
    TrainingJob,
    require_folders,
    require_new,
    show_whole,
)

OnLine = Callable[[str], None]


class RunRequest(Protocol):
    """Runs a request to its end and returns the finished job; orchestration has one of its own."""

    def __call__(
        self, request: Mapping[str, Any], on_line: OnLine, is_usable: Callable[[Described], bool]
    ) -> Described: ...


@dataclass(frozen=True)
class SageMakerTrainer:
    """Runs each job as a training job of SageMaker. See `Trainer.run`."""

    settings: Settings
    s3: Any
    jobs: SageMakerJobs
    run_request: RunRequest | None = None

    def run(self, job: TrainingJob, *, on_log: OnLine | None = None) -> JobResult:
        """See `Trainer.run`."""
        require_new(job)
        require_folders(job)
        started = time.monotonic()
        request = build_request(self.settings, job, self.place_channels(job))
        run_request = self.run_request or self._run_request
        described = run_request(request, on_log or (lambda _line: None), self._has_result)
        metrics, usage = self._fetch(described, job.output_dir)
        seconds = round(time.monotonic() - started, 1)
        return JobResult(job.output_dir, metrics, seconds, usage.get("peak_memory_gb", 0.0), self._bill(described))

    def place_channels(self, job: TrainingJob) -> dict[str, str]:
        """Name to URL of the job's channels: where a lake on S3 has them, else where they are uploaded to."""
        return {name: self._place(source) for name, source in job.channels.items()}

    def _place(self, source: Source) -> str:
        if isinstance(source, Artifact) and source.lake.store.is_s3:
            return f"s3://{source.lake.store.url_of(source.prefix).partition('://')[2]}/"  # s3a is for Hadoop alone
        base, key = required(self.settings, "training_url"), self.settings.training_kms_key
        with scratch_folder("channel") as aside:
            folder = source if isinstance(source, Path) else source.fetch(aside)
            return upload_folder(self.s3, base, folder, kms_key=key)

    def _run_request(
        self, request: Mapping[str, Any], on_line: OnLine, is_usable: Callable[[Described], bool]
    ) -> Described:
        name, found = self.jobs.find(request["TrainingJobName"], is_usable)
        if found is None:
            self.jobs.start({**request, "TrainingJobName": name})
        try:
            return self.jobs.follow(name, on_line)
        except KeyboardInterrupt:
            self.jobs.stop(name)
            raise

    def _has_result(self, described: Described) -> bool:
        return exists(self.s3, *split_url(described["ModelArtifacts"]["S3ModelArtifacts"]))

    def _fetch(self, described: Described, output_dir: Path) -> tuple[dict[str, float], dict[str, float]]:
        """Puts the model at `output_dir`; metrics and usage, as the job wrote them."""
        model = described["ModelArtifacts"]["S3ModelArtifacts"]
        output_dir.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{output_dir.name}-", dir=output_dir.parent) as name:
            scratch = Path(name)
            fetch_archive(self.s3, model.replace("/model.tar.gz", "/output.tar.gz"), scratch / "output")
            fetch_archive(self.s3, model, scratch / "model")
            read = {kind: _read_json(scratch / "output", f"{kind}.json") for kind in ("metrics", "usage")}
            show_whole(scratch / "model", output_dir)
        return read["metrics"], read["usage"]

    def _bill(self, described: Described) -> Bill:
        seconds = float(described.get("BillableTimeInSeconds") or described.get("TrainingTimeInSeconds") or 0)
        kind, count = (described["ResourceConfig"][name] for name in ("InstanceType", "InstanceCount"))
        price = hourly_price(self.settings, kind).usd
        cost = None if price is None else round(cost_usd(seconds, price, count), 4)
        instance = instances_text(kind, count, spot=bool(described.get("EnableManagedSpotTraining")))
        return Bill(described["TrainingJobArn"], instance, seconds, cost, console_url(described))


def open_sagemaker_trainer(settings: Settings) -> SageMakerTrainer:
    """The trainer of the settings, with clients of its own."""
    s3, sagemaker, logs = (aws_client(name, region=settings.aws_region) for name in ("s3", "sagemaker", "logs"))
    return SageMakerTrainer(settings, s3, SageMakerJobs(sagemaker, logs))


def _read_json(folder: Path, name: str) -> dict[str, float]:
    """The file wherever it is in the folder: with several hosts, SageMaker may put each one's in a folder."""
    for file in sorted(folder.rglob(name)):
        content: dict[str, float] = json.loads(file.read_text(encoding="utf-8"))
        return content
    return {}
