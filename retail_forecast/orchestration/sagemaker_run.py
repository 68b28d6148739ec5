"""Training jobs of SageMaker as part of a run: what they report becomes metadata of the asset that they are for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import dagster as dg

from retail_forecast.orchestration.pipes_sagemaker import PipesSageMakerClient
from retail_forecast.orchestration.workshop import OnLog
from retail_forecast.training import Trainer
from retail_forecast.training.sagemaker.jobs import Described
from retail_forecast.training.sagemaker.request import required
from retail_forecast.training.sagemaker.trainer import SageMakerTrainer
from retail_forecast.training.sagemaker.transfer import split_url


def within_run(context: dg.AssetExecutionContext, trainer: Trainer) -> tuple[Trainer, OnLog]:
    """The trainer as this run uses it, and where the lines of a job's log go: those of SageMaker to the compute log."""
    if not isinstance(trainer, SageMakerTrainer):
        return trainer, context.log.info
    return replace(trainer, run_request=_PipesRun(context, trainer)), lambda _line: None


@dataclass(frozen=True)
class _PipesRun:
    """Runs requests through Dagster Pipes."""

    context: dg.AssetExecutionContext
    trainer: SageMakerTrainer

    def __call__(self, request: Mapping[str, Any], on_line: OnLog, is_usable: Callable[[Described], bool]) -> Described:
        bucket, base = split_url(required(self.trainer.settings, "training_url"))
        client = PipesSageMakerClient(
            jobs=self.trainer.jobs, s3=self.trainer.s3, bucket=bucket, prefix=f"{base}/pipes".lstrip("/")
        )
        invocation = client.run(context=self.context, request=request, on_line=on_line, is_usable=is_usable)
        for result in invocation.get_results(implicit_materializations=False):
            reported = {key: value for key, value in (result.metadata or {}).items() if key not in invocation.metadata}
            self.context.add_output_metadata(reported)
        return invocation.described
