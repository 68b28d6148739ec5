"""Commands that bring files to the landing and forecasts out of the lake."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from retail_forecast.cli.console import ExitCode, console, progress
from retail_forecast.cli.home import keep_dataset, latest_vintage_of, refuse_another_dataset

imports = typer.Typer(help="Bring source files to the landing.", no_args_is_help=True)
exports = typer.Typer(help="Write what was published to a file.", no_args_is_help=True)


@imports.command()
def m5(
    archive: Annotated[Path, typer.Argument(metavar="ZIP", exists=True, dir_okay=False, help="The M5 archive.")],
    stores: Annotated[str | None, typer.Option(help="Only these stores, such as CA_1,CA_2.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day of sales.")] = None,
) -> None:
    """Walmart's M5 sales as daily deliveries, with prices, calendar, items and stores."""
    from retail_forecast.ingest.m5 import import_m5
    from retail_forecast.lake import open_store
    from retail_forecast.settings import load_settings

    settings = load_settings()
    refuse_another_dataset(settings.dataset_path, "m5")
    with progress() as show:
        dataset = import_m5(
            archive,
            open_store(settings.landing),
            stores=[name.strip() for name in stores.split(",")] if stores else None,
            until=until.date() if until else None,
            on_progress=partial(show, "Days of sales"),
        )
    keep_dataset(settings.dataset_path, dataset.to_yaml())
    console().print(f"M5 is in {settings.landing}, described by {settings.dataset_path}. Next: retail-forecast run")


@imports.command()
def csv(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", exists=True, dir_okay=False)],
    dataset: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The dataset.yaml that describes them.")],
    table: Annotated[
        list[str] | None,
        typer.Option(
            help="Their table; by default the name tells, as in prices_2024. Several where a file holds them."
        ),
    ] = None,
) -> None:
    """CSV or Parquet files of your own: the good ones land, a bad one is named with its reason."""
    from retail_forecast.dataset import load_dataset
    from retail_forecast.ingest.delivery import import_files
    from retail_forecast.lake import open_store
    from retail_forecast.settings import load_settings

    settings = load_settings()
    description = load_dataset(dataset)
    refuse_another_dataset(settings.dataset_path, description.name)
    with progress() as show:
        landing = open_store(settings.landing)
        shown = partial(show, "Files inspected")
        results = import_files(files, table or [], description, landing, keep_going=True, on_progress=shown)
    keep_dataset(settings.dataset_path, dataset.read_text(encoding="utf-8"))
    for result in results:
        console().print(f"{result.outcome:<10} {result.error or f'{result.path}, {result.rows:,} rows'}", markup=False)
    if any(result.error is not None for result in results):
        raise typer.Exit(ExitCode.DATA_REJECTED)


@exports.command()
def forecasts(
    out: Annotated[Path, typer.Option(metavar="FILE.parquet", dir_okay=False, help="Parquet file to write.")],
    level: Annotated[
        str | None, typer.Option(metavar="LEVEL", help="Instead of series, groups: total, store_id/department, …")
    ] = None,
) -> None:
    """The latest vintage: store_id, item_id, date, mean, one column per quantile, and the basis.

    With --level, one column per column of the level instead of store_id and item_id.
    """
    from retail_forecast.evaluation.hierarchy import level_columns, split_groups
    from retail_forecast.lake import open_lake
    from retail_forecast.lake.vintages import scan_forecasts, scan_level_forecasts
    from retail_forecast.settings import load_settings

    lake = open_lake(load_settings().lake)
    vintage = latest_vintage_of(lake)
    columns = ["date", "mean", *(f"q{quantile:g}" for quantile in vintage.quantiles)]
    if level is None:
        frame = scan_forecasts(lake, vintage.id).select("store_id", "item_id", *columns, "basis").collect()
    else:
        rows = scan_level_forecasts(lake, vintage.id, level).collect()
        frame = split_groups(rows["group"], level_columns(level)).hstack(rows.select(columns))
    out.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(out)
    console().print(f"{frame.height:,} rows of vintage {vintage.id} in {out}")


def athena_ddl(
    database: Annotated[str, typer.Option(help="Database of Glue's catalog.")] = "retail_forecast",
    as_json: Annotated[bool, typer.Option("--json", help="Describe the tables for Terraform instead.")] = False,
) -> None:
    """Print the statements that make the lake's tables known to Athena; for a lake on S3."""
    from retail_forecast.dataset import load_dataset
    from retail_forecast.pipeline.athena import athena_statements, describe_tables
    from retail_forecast.settings import load_settings

    settings = load_settings()
    dataset = load_dataset(settings.dataset_path)
    if as_json:
        typer.echo(describe_tables(dataset), nl=False)
        return
    for statement in athena_statements(dataset, settings.lake, database):
        typer.echo(statement)
