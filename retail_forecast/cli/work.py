"""Commands that do the work: bring everything up to date, backtest."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from retail_forecast.cli.console import console, progress

Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DATE")]


def run(cutoff: Day = None) -> None:
    """Bring every table, the model, the forecasts and the endpoint up to date, through Dagster.

    With --cutoff, forecast as if only the sales up to that date existed.
    """
    from retail_forecast.orchestration.run import run_pipeline
    from retail_forecast.settings import load_settings

    settings = load_settings()
    with progress() as show:
        summary = run_pipeline(settings, cutoff=cutoff.date() if cutoff else None, on_progress=show)
    out = console()
    out.print(summary)


def backtest(cutoffs: Annotated[int, typer.Option(min=1, help="Rolling cutoffs, one horizon apart.")]) -> None:
    """The recipe against the baselines on rolling cutoffs: one table, a row per level."""
    from retail_forecast.settings import load_settings

    load_settings()
