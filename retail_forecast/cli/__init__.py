"""The command line. Commands import the rooms that they use when they run, so that `--help` answers at once.

Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 delivered data was rejected, 130 interrupted.
"""

from __future__ import annotations

import sys

import typer

from retail_forecast import __version__
from retail_forecast.cli import aws_demo, delivery, endpoint, health, keys, live, models, rollout, trace, tuning, work
from retail_forecast.cli.console import explain
from retail_forecast.telemetry.logs import configure_logging, is_json

app = typer.Typer(
    name="retail-forecast",
    help="Demand forecasts for every store and item: files land, forecasts come out over HTTP.",
    epilog="Settings: RETAIL_FORECAST_* in the environment; `retail-forecast doctor` lists them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(live.demo)
app.command("demo-aws")(aws_demo.demo_aws)
app.add_typer(delivery.imports, name="import")
app.command()(work.run)
app.command()(work.backtest)
app.command()(tuning.tune)
app.command()(models.train)
app.command()(models.register)
app.command()(models.promote)
app.command()(endpoint.deploy)
app.command()(endpoint.scale)
app.add_typer(rollout.rollouts, name="rollout")
app.add_typer(keys.keys, name="keys")
app.add_typer(delivery.exports, name="export")
app.command("athena-ddl")(delivery.athena_ddl)
app.command()(live.serve)
app.command()(live.dev)
app.command()(trace.trace)
app.command()(health.status)
app.command()(health.doctor)


@app.callback(invoke_without_command=True)
def version(show: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    """Options before the command."""
    if show:
        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """Entry point of `retail-forecast`."""
    if is_json():
        configure_logging()
    try:
        app()
    except SystemExit:
        raise
    except BaseException as error:
        if (code := explain(error)) is None:
            raise
        sys.exit(code)
