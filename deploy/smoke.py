"""Does the API answer a forecast, and can it say where it comes from? python -m deploy.smoke URL

Any series of the vintage is asked for, with the key in RETAIL_FORECAST_API_KEY where the API wants one; the answer
must be complete, in order, and its lineage must name its inputs.
"""

from __future__ import annotations

import argparse
import math
import time
from datetime import date
from functools import partial
from typing import Any
from urllib.parse import quote

from deploy.commands import exit_with, say
from retail_forecast.cli.http import get_json
from retail_forecast.errors import RetailForecastError
from retail_forecast.serving.security.own_key import own_headers
from retail_forecast.settings import load_settings

_POLL_SECONDS = 2.0


def main() -> int:
    """0 if all of it holds; otherwise the reason, and 1."""
    parser = argparse.ArgumentParser(prog="deploy.smoke", description="Asks a deployed API for a forecast.")
    parser.add_argument("url", help="where the API is, such as https://forecasts.example.com")
    parser.add_argument("--seconds", type=float, default=300, help="so long may it take to be ready")
    parser.add_argument("--live", action="store_true", help="only that it lives: a new installation has no forecasts")
    given = parser.parse_args()
    url = given.url.rstrip("/")
    if given.live:
        wait_for(f"{url}/livez", given.seconds)
        say(f"ok    {url} lives. It has forecasts once sales have landed and a model has passed the gate.")
        return 0
    wait_for(f"{url}/readyz", given.seconds)
    say(f"ok    {check_forecast(url)}")
    return 0


def wait_for(url: str, seconds: float) -> None:
    """Returns when the URL answers with a success. Raises RetailForecastError with its last words."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            get_json(url)
            return
        except RetailForecastError as error:
            if time.monotonic() > deadline:
                raise RetailForecastError(f"not within {seconds:.0f} s: {error}") from error
        time.sleep(_POLL_SECONDS)


def check_forecast(url: str) -> str:
    """A sentence on what was answered. Raises RetailForecastError for an answer that cannot be right."""
    get = partial(get_json, headers=own_headers(load_settings()))
    store = get(f"{url}/v1/stores")["stores"][0]["store_id"]
    item = get(f"{url}/v1/stores/{quote(store, safe='')}/items?limit=1")["items"][0]
    asked = f"{url}/v1/forecasts/{quote(store, safe='')}/{quote(item, safe='')}"
    answer = get(asked)
    if problem := wrong_with(answer):
        raise RetailForecastError(f"{asked} answered, but {problem}.")
    lineage = get(f"{url}/v1/lineage/{answer['vintage']}")
    files = sum(len(objects) for objects in lineage["inputs"].values())
    if lineage["model_version"] != answer["model_version"] or not lineage["inputs"].get("sales"):
        raise RetailForecastError(f"{url}/v1/lineage/{answer['vintage']} names another model, or no sales.")
    return (
        f"{asked}: {len(answer['forecasts'])} periods after {answer['cutoff']}, vintage {answer['vintage']}, "
        f"model {answer['model_version']}, from {files} files"
    )


def wrong_with(answer: dict[str, Any]) -> str | None:
    """What cannot be right in an answer for one series; None if nothing is."""
    periods, cutoff = answer["forecasts"], date.fromisoformat(answer["cutoff"])
    if not periods:
        return "it has no periods"
    days = [date.fromisoformat(one["date"]) for one in periods]
    if days != sorted(set(days)) or days[0] <= cutoff:
        return f"its dates do not rise from the cutoff {cutoff}"
    for one in periods:
        values = [one["quantiles"][name] for name in sorted(one["quantiles"], key=float)]
        if not all(math.isfinite(number) and number >= 0 for number in [one["mean"], *values]):
            return f"{one['date']} has a number that is not one of units sold"
        if values != sorted(values):
            return f"the quantiles of {one['date']} cross"
    return None


if __name__ == "__main__":
    exit_with(main)
