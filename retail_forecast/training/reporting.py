"""What a job tells Dagster while it runs, through Dagster Pipes, where Dagster launched it; nobody else hears of it.

The launcher puts DAGSTER_PIPES_CONTEXT and DAGSTER_PIPES_MESSAGES into the environment; both lead to S3.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retail_forecast.aws import aws_client, aws_errors
from retail_forecast.settings import load_settings

if TYPE_CHECKING:
    from dagster_pipes import PipesContext

LAUNCHED_BY_DAGSTER = "DAGSTER_PIPES_CONTEXT"
_UPLOAD_SECONDS = 2.0


@dataclass(frozen=True)
class Report:
    """Progress and figures on their way to the asset that the job is run for."""

    pipes: PipesContext | None

    def progress(self, line: str) -> None:
        """A line of the run's event log."""
        if self.pipes is not None:
            self.pipes.log.info(line)

    def metrics(self, metrics: Mapping[str, float]) -> None:
        """Figures among the asset's metadata."""
        if self.pipes is not None and self.pipes.is_asset_step:
            self.pipes.report_asset_materialization(metadata=dict(metrics))


@contextmanager
def open_report() -> Iterator[Report]:
    """The way to Dagster while the block runs, or one that leads nowhere. An error of the block is reported too."""
    if LAUNCHED_BY_DAGSTER not in os.environ:
        yield Report(None)
        return
    from dagster_pipes import PipesS3ContextLoader, PipesS3MessageWriter, open_dagster_pipes

    s3 = aws_client("s3", region=load_settings().aws_region)
    with aws_errors("The context of Dagster Pipes"):
        writer = PipesS3MessageWriter(s3, interval=_UPLOAD_SECONDS)
        pipes = open_dagster_pipes(context_loader=PipesS3ContextLoader(s3), message_writer=writer)
    with pipes:
        yield Report(pipes)
