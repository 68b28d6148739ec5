"""Commands that look: what is published and how fresh, what is misconfigured and how to mend it."""

from __future__ import annotations

import typer

from retail_forecast.cli.console import ExitCode, console

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def status() -> None:
    """What is published and how fresh: tables, vintage, champion, endpoint, rejected files."""
    from retail_forecast.cli.standing import describe_standing
    from retail_forecast.dataset import load_dataset
    from retail_forecast.settings import load_settings

    settings = load_settings()
    out = console()
    for name, text in describe_standing(settings, load_dataset(settings.dataset_path)):
        out.print(f"[bold]{name:<12}[/] ", end="")
        out.print(text, markup=False)


def doctor() -> None:
    """What is misconfigured and how to mend it; every setting with its value and origin."""
    from rich.table import Table

    from retail_forecast.cli.doctor import examine
    from retail_forecast.settings import load_settings

    settings = load_settings()
    out = console()
    findings = examine(settings)
    for finding in findings:
        out.print(f"[{_COLOURS[finding.state]}]{finding.state:<5}[/] {finding.check:<18} ", end="")
        out.print(finding.found, markup=False)
        if finding.mend:
            out.print(f"{'':25}→ {finding.mend}", markup=False)
    table = Table("setting", "value", "origin", box=None)
    for name, value, origin in settings.describe():
        table.add_row(f"RETAIL_FORECAST_{name.upper()}", str(value), origin)
    out.print("\n", table)
    if any(finding.state == "fail" for finding in findings):
        raise typer.Exit(ExitCode.FAILED)
