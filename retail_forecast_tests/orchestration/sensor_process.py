"""The arrivals sensor as a process of its own, for tests that kill it: ticks as the daemon makes them.

The home and its settings come from the environment; the cursor lives in a file of the home.
"""

from __future__ import annotations

import time
from pathlib import Path

from retail_forecast.dataset import load_dataset
from retail_forecast.orchestration.arrivals import build_arrivals_sensor
from retail_forecast.orchestration.instance import open_instance
from retail_forecast.orchestration.resources import Platform
from retail_forecast.settings import load_settings
from retail_forecast_tests.orchestration.world import tick

PAUSE_SECONDS = 0.1


def write_cursor(home: Path, cursor: str) -> None:
    """Keeps the cursor; whole or not at all."""
    aside = home / "cursor.new"
    aside.write_text(cursor)
    aside.replace(home / "cursor")


def main() -> None:
    """Ticks until it is killed."""
    settings = load_settings()
    sensor = build_arrivals_sensor(Platform(settings, load_dataset(settings.dataset_path)))
    with open_instance(settings) as instance:
        while True:
            print("tick", flush=True)  # noqa: T201 - its parent listens
            cursor = tick(sensor, instance, (settings.home / "cursor").read_text())
            write_cursor(settings.home, str(cursor))
            print("done", cursor, flush=True)  # noqa: T201
            time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main()
