"""Commands that do the work: bring everything up to date, backtest."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from retail_forecast.cli.console import ExitCode, console, progress

if TYPE_CHECKING:
    from retail_forecast.orchestration.run import RunSummary

Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DATE")]


def run(
    cutoff: Day = None,
    preset: Annotated[
        str | None, typer.Option(help="fast, standard or best; RETAIL_FORECAST_PRESET otherwise.")
    ] = None,
) -> None:
    """Bring every table, the model, the forecasts and the endpoint up to date, through Dagster.

    With --cutoff, forecast as if only the sales up to that date existed.
    """
    from retail_forecast.orchestration.run import run_pipeline
    from retail_forecast.settings import load_settings

    settings = load_settings(**({"preset": preset} if preset else {}))
    with progress() as show:
        summary = run_pipeline(settings, cutoff=cutoff.date() if cutoff else None, on_progress=show)
    tell_summary(summary)
    if summary.rejected:
        raise typer.Exit(ExitCode.DATA_REJECTED)


def backtest(
    cutoffs: Annotated[int, typer.Option(min=1, help="Rolling cutoffs, one horizon apart.")] = 2,
    at: Annotated[list[datetime] | None, typer.Option(formats=["%Y-%m-%d"], help="Only these of them.")] = None,
) -> None:
    """The recipe against the baselines on rolling cutoffs: one table, a row per level."""
    from retail_forecast.cli.backtesting import backtest_scores, cutoff_table, level_table, quantile_table
    from retail_forecast.dataset import load_dataset
    from retail_forecast.settings import load_settings

    settings = load_settings()
    dataset = load_dataset(settings.dataset_path)
    with progress() as show:
        chosen = sorted({given.date() for given in at}) if at else cutoffs
        scores = backtest_scores(settings, dataset, cutoffs=chosen, on_progress=show)
    console().print(level_table(scores))
    console().print(cutoff_table(scores))
    if (table := quantile_table(scores)) is not None:
        console().print(table)


def tell_summary(summary: RunSummary) -> None:
    """Prints what a run did, what was set aside, and which vintage is in force."""
    out = console()
    for note in summary.notes:
        out.print(f"[yellow]note[/] {note}")
    for entry in summary.rejected:
        out.print("[bold red]rejected[/]", end=" ")
        out.print(f"{entry.object}: {entry.reason} {entry.fix}", markup=False)
    for path in summary.waiting:
        out.print(f"waiting {path} is still being written", markup=False)
    seconds = sum(stage.seconds for stage in summary.stages)
    model = "a model was trained" if summary.trained else "no training was due"
    vintage = summary.vintage
    result = f"vintage {vintage.id}, {vintage.series:,} series" if vintage else "no forecasts yet"
    out.print(f"Up to date after {seconds:.0f} s: {model}; {result}.")
