"""Commands that keep something running: the demo, the development services, the API alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from retail_forecast.cli.console import console, progress
from retail_forecast.cli.home import keep_dataset, latest_vintage_of, refuse_another_dataset, refuse_taken_ports
from retail_forecast.errors import ConfigurationError, RetailForecastError

if TYPE_CHECKING:
    from datetime import date

    from retail_forecast.cli.processes import Services
    from retail_forecast.serving.port import Endpoint
    from retail_forecast.settings import Settings

SHOP, SHOP_DAYS = "corner-shop", 730


def demo(
    exit_: Annotated[bool, typer.Option("--exit", help="Check one answer over HTTP, stop everything, end.")] = False,
) -> None:
    """Made-up shop, whole graph, UI and API: from nothing to an answer over HTTP."""
    from retail_forecast.cli.dagster_services import dagster_services
    from retail_forecast.orchestration.run import run_pipeline
    from retail_forecast.settings import load_settings

    settings = load_settings()
    refuse_another_dataset(settings.dataset_path, SHOP)
    with api(settings) as endpoint:
        with progress() as show:
            stock_shop(settings, yesterday(), partial(show, "Made-up days of sales"))
            run_pipeline(settings, on_progress=show)
        endpoint.start()
        with dagster_services(settings) as services:
            say_what_to_open(settings, check_one_answer(settings))
            if not exit_:
                say_how_to_stop()
                keep_up(services, endpoint)
    console().print("One answer equals the published forecast. Everything is stopped.")


def dev() -> None:
    """Dagster UI, daemon and API on the present home, until Ctrl-C."""
    from retail_forecast.cli.dagster_services import dagster_services
    from retail_forecast.dataset import load_dataset
    from retail_forecast.settings import load_settings

    settings = load_settings()
    load_dataset(settings.dataset_path)
    with api(settings) as endpoint, dagster_services(settings) as services:
        endpoint.start()
        say_what_to_open(settings, None)
        say_how_to_stop()
        keep_up(services, endpoint)


def serve() -> None:
    """The API alone, answering from the latest vintage, until Ctrl-C."""
    from retail_forecast.lake import open_lake
    from retail_forecast.settings import load_settings

    settings = load_settings()
    latest_vintage_of(open_lake(settings.lake))
    with api(settings, ui=False) as endpoint:
        deployed = endpoint.start()
        console().print(f"{deployed.url}/ answers from vintage {deployed.vintage}. Ctrl-C stops it.")
        while endpoint.status().state != "down":
            time.sleep(2)
    raise RetailForecastError(f"The API stopped; {settings.home / 'serve' / 'host.log'} says why.")


@contextmanager
def api(settings: Settings, *, ui: bool = True) -> Iterator[Endpoint]:
    """The endpoint to deploy to; whatever the block or a run in it deployed is stopped after it.

    Raises ConfigurationError, before any work, if a port that will be needed is taken, or the API is a cluster's.
    """
    from retail_forecast.cli.processes import interrupt_once
    from retail_forecast.serving.endpoint import open_endpoint

    if settings.endpoint != "local":
        expected = "local for this command, which keeps the API up on this machine"
        raise ConfigurationError(key="RETAIL_FORECAST_ENDPOINT", found=settings.endpoint, expected=expected)
    interrupt_once()
    endpoint = open_endpoint(settings)
    ports = ["ui_port"] if ui else []
    if endpoint.status().state == "down":
        ports += ["api_port", "ray_dashboard_port"]
    refuse_taken_ports(settings, ports)
    try:
        yield endpoint
    finally:
        endpoint.stop()


def keep_up(services: Services, endpoint: Endpoint, *, look_seconds: float = 5.0) -> None:
    """Blocks while Dagster's processes run. An API that is down at two looks in a row, and so not replaced by a run, is
    started again. Raises RetailForecastError when a process ended or the API does not start."""
    was_down = False
    while True:
        services.check()
        is_down = endpoint.status().state == "down"
        if is_down and was_down:
            console().print("The API stopped by itself and is started again; serve/host.log below the home says why.")
            endpoint.start()
        was_down = is_down
        time.sleep(look_seconds)


def yesterday() -> date:
    """The last day that is over, everywhere the same: in UTC."""
    return datetime.now(UTC).date() - timedelta(days=1)


def stock_shop(settings: Settings, until: date, on_progress: Callable[[int, int], None]) -> None:
    """Lands the made-up shop's sales up to `until`; on a home that has the shop, the days since the last time."""
    from retail_forecast.dataset import load_dataset
    from retail_forecast.ingest.shop import build_shop
    from retail_forecast.lake import open_store

    path = settings.dataset_path
    first = load_dataset(path).start_date if path.exists() else until - timedelta(days=SHOP_DAYS - 1)
    days = (until - first).days + 1
    dataset = build_shop(open_store(settings.landing), until=until, days=days, on_progress=on_progress)
    keep_dataset(path, dataset.to_yaml())


def check_one_answer(settings: Settings) -> str:
    """URL of one forecast, after comparing the live answer with the published table.

    Raises RetailForecastError if the answer comes from another vintage or says other numbers.
    """
    from retail_forecast.cli.http import get_json
    from retail_forecast.lake import open_lake
    from retail_forecast.lake.vintages import scan_forecasts
    from retail_forecast.serving.security.own_key import own_headers

    lake = open_lake(settings.lake)
    vintage = latest_vintage_of(lake)
    first = scan_forecasts(lake, vintage.id).head(vintage.horizon).collect()
    store, item = first.item(0, "store_id"), first.item(0, "item_id")
    url = f"{settings.api_url}/v1/forecasts/{quote(store, safe='')}/{quote(item, safe='')}"
    answer = get_json(url, headers=own_headers(settings))
    published = first.filter(store_id=store, item_id=item)["mean"].to_list()
    served = [period["mean"] for period in answer["forecasts"]]
    if answer["vintage"] != vintage.id or any(abs(a - b) > 1e-3 for a, b in zip(served, published, strict=True)):
        raise RetailForecastError(f"{url} does not say what vintage {vintage.id} published: {str(answer)[:300]}")
    return url


def say_what_to_open(settings: Settings, question: str | None) -> None:
    """Prints where the planner's page, the UI and the API are, and a line to try."""
    out = console()
    out.print(f"\nForecasts    {settings.api_url}/")
    out.print(f"Dagster UI   {settings.ui_url}/asset-groups/")
    out.print(f"API          {settings.api_url}/docs")
    if question:
        out.print(f"Try          curl -s {question}", soft_wrap=True)


def say_how_to_stop() -> None:
    """Prints how the command ends."""
    console().print("Ctrl-C stops everything.")
