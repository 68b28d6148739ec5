"""A command that follows answers of the running API back to the rows of the landing's files."""

from __future__ import annotations

import secrets
from random import Random
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retail_forecast.cli.console import console
from retail_forecast.errors import RetailForecastError

if TYPE_CHECKING:
    from retail_forecast.serving.trace import TracedPeriod


def trace(
    store_id: Annotated[str | None, typer.Argument(metavar="[STORE", help="A series; others at random.")] = None,
    item_id: Annotated[str | None, typer.Argument(metavar="ITEM]")] = None,
    series: Annotated[int, typer.Option(min=1, help="So many series at random, without a named one.")] = 10,
    periods: Annotated[int, typer.Option(min=1, help="So many of their periods.")] = 3,
    seed: Annotated[int | None, typer.Option(help="Repeats a choice; it is printed.")] = None,
) -> None:
    """Follow answers of the running API through their lineage to the rows of the landing's files, and compare."""
    from retail_forecast.cli.http import get_json
    from retail_forecast.dataset import load_dataset
    from retail_forecast.lake import open_store
    from retail_forecast.serving.security.own_key import own_headers
    from retail_forecast.serving.trace import pick_series, trace
    from retail_forecast.settings import load_settings

    if (store_id is None) != (item_id is None):
        raise typer.BadParameter("Give STORE and ITEM, or neither.")
    settings, out = load_settings(), console()
    seed = secrets.randbelow(10**6) if seed is None else seed
    random = Random(seed)  # noqa: S311  a sample, no secret

    def ask(path: str) -> Any:
        return get_json(f"{settings.api_url}{path}", headers=own_headers(settings))

    dataset, landing = load_dataset(settings.dataset_path), open_store(settings.landing)
    chosen = [(store_id, item_id)] if store_id and item_id else pick_series(ask, series, random)
    traced = list(trace(ask, landing, dataset, chosen, periods=periods, random=random))
    for one in traced:
        out.print(_line(one), markup=False)
    wrong = [one for one in traced if one.problem is not None]
    same, of_all = len(traced) - len(wrong), f"{len(traced)} periods of {len(chosen)} series"
    out.print(f"{same} of {of_all} are what the landing's files say. Seed {seed}.")
    if not traced:
        raise RetailForecastError("Nothing is known to have sold of these series; name others.")
    if wrong:
        first = wrong[0]
        raise RetailForecastError(f"{first.store_id}/{first.item_id} on {first.date}: {first.problem}.")


def _line(one: TracedPeriod) -> str:
    said = f"{one.store_id}/{one.item_id} {one.date}: the API says {one.answered:g}"
    row = f"{one.file} ({one.sha256[:12]}) {'says nothing' if one.landed is None else f'says {one.landed:g}'}"
    return f"{said}, {row}" if one.problem is None else f"{said}, but {one.problem}"
