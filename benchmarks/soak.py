"""An hour in the life of an endpoint: questions without a pause, a change of vintage every minute, memory measured.

    python -m benchmarks.soak --minutes 60 --home HOME

It reads the lake of HOME, writes nothing there, and serves with two replicas on ports of its own. Each minute is a line
of CSV: what every replica holds (resident memory, MB) just before the next change. Vintages are swapped, and every
other time tried as a canary for half of the series first. At the end: how many questions failed, and whether memory
grew. Ends with 1 if either did.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil

from benchmarks import report
from retail_forecast.errors import RetailForecastError
from retail_forecast.lake import open_lake
from retail_forecast.lake.vintages import list_vintages
from retail_forecast.serving import RayServeEndpoint
from retail_forecast.serving.config import Challenger
from retail_forecast.serving.loading import load_predictor
from retail_forecast.serving.ports import free_port
from retail_forecast.serving.processes import read_info, serve_folder
from retail_forecast.settings import Settings

_WARM_UP = 1 / 3
_POINTS = 7  # of fewer measurements nobody can tell a slope from the state of the allocator
_GROWTH_MB, _GROWTH_SHARE = 30.0, 0.05
"""Memory that grows by less an hour than the larger of these is called flat."""


@dataclass
class Soak:
    """One endpoint, its vintages and what was measured: (minute, process, MB)."""

    endpoint: RayServeEndpoint
    vintages: list[str]
    measured: list[tuple[float, int, float]]

    def run(self, minutes: float, change_seconds: float) -> None:
        """Changes and measures until the time is up."""
        started, coming = time.monotonic(), cycle(enumerate([*self.vintages[1:], self.vintages[0]]))
        print("minute,replica,rss_mb", flush=True)
        while (minute := (time.monotonic() - started) / 60) < minutes:
            number, vintage = next(coming)
            if number % 2 == 1:
                self.endpoint.challenge(Challenger(vintage=vintage, mode="canary", share=0.5))
                time.sleep(change_seconds / 2)
            self.endpoint.deploy(vintage)
            due = started + (round(60 * minute / change_seconds) + 1) * change_seconds
            time.sleep(max(1.0, due - time.monotonic()))
            self._measure((time.monotonic() - started) / 60)

    def _measure(self, minute: float) -> None:
        for process in replicas_of(self.endpoint):
            megabytes = process.memory_info().rss / 1e6
            self.measured.append((minute, process.pid, megabytes))
            print(f"{minute:.1f},{process.pid},{megabytes:.0f}", flush=True)


def replicas_of(endpoint: RayServeEndpoint) -> list[psutil.Process]:
    """The replicas' processes."""
    info = read_info(serve_folder(endpoint.settings))
    children = psutil.Process(info.pid).children(recursive=True) if info is not None else []
    return sorted((one for one in children if "ServeReplica" in " ".join(one.cmdline())), key=lambda one: one.pid)


def growth(measured: list[tuple[float, int, float]]) -> dict[int, tuple[float, float]]:
    """Process to (MB an hour, mean MB), by least squares after the first third; without those measured too rarely.

    >>> growth([(minute, 7, 100 + minute) for minute in range(10)])
    {7: (60.0, 106.0)}
    """
    last, found = max(minute for minute, _, _ in measured), {}
    for process in sorted({one for _, one, _ in measured}):
        points = [(minute, mb) for minute, one, mb in measured if one == process and minute >= _WARM_UP * last]
        if len(points) >= _POINTS:
            minutes, megabytes = (np.array(values) for values in zip(*points, strict=True))
            slope = 60 * np.polyfit(minutes, megabytes, 1)[0]
            found[process] = (round(float(slope), 1), round(float(megabytes.mean()), 1))
    return found


def verdict(measured: list[tuple[float, int, float]]) -> tuple[bool, str]:
    """Whether no replica's memory is seen to grow, with the figures."""
    slopes = growth(measured)
    if not slopes:
        last = {process: megabytes for _, process, megabytes in measured}
        return (
            True,
            f"not judged by so few measurements; at the end {', '.join(f'{mb:.0f} MB' for mb in last.values())}",
        )
    flat = all(slope <= max(_GROWTH_MB, _GROWTH_SHARE * mean) for slope, mean in slopes.values())
    told = "; ".join(f"replica {one}: {slope:+.1f} MB an hour of {mean:.0f}" for one, (slope, mean) in slopes.items())
    return flat, f"{'flat' if flat else 'grows'} ({told})"


def usable_vintages(lake_url: str, wanted: int) -> list[str]:
    """The last vintages of the lake that can be served."""
    found: list[str] = []
    for vintage in reversed(list_vintages(open_lake(lake_url))):
        try:
            load_predictor(lake_url, vintage.id)
        except RetailForecastError:
            continue
        found.append(vintage.id)
        if len(found) == wanted:
            break
    if len(found) < 2:
        raise RetailForecastError(f"{lake_url} has {len(found)} vintages that can be served; a change needs two.")
    return found


def scenario_of(url: str) -> dict[str, Any] | None:
    """What a what-if may change."""
    known = httpx.get(f"{url}/v1/model", trust_env=False, timeout=30).json()["known_future"]
    values = {"float": 2.5, "integer": 2, "boolean": True}
    return next(({name: values[kind]} for name, kind in sorted(known.items()) if kind in values), None)


def ask_beside(endpoint: RayServeEndpoint, vintages: list[str], rate: float) -> subprocess.Popen[str]:
    """The client, asking."""
    url, lake = endpoint.settings.api_url, endpoint.settings.lake
    command = [sys.executable, "-m", "benchmarks.asking", "--url", url, "--lake", lake, "--rate", str(rate)]
    command += ["--vintages", ",".join(vintages), "--scenario", json.dumps(scenario_of(url))]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if process.stdout is None or process.stdout.readline() != "asking\n":
        raise RuntimeError("the client did not start")
    return process


def main() -> None:
    """Soaks and says what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="its lake is read")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=50, help="questions a second")
    parser.add_argument("--change-seconds", type=float, default=60)
    given = parser.parse_args()
    lake_url = Settings(home=given.home).lake
    vintages = usable_vintages(lake_url, 2)
    with tempfile.TemporaryDirectory(prefix="rf-soak-") as folder:
        api, dashboard = free_port(), free_port()
        settings = Settings(home=Path(folder), lake_url=lake_url, api_port=api, ray_dashboard_port=dashboard)
        endpoint = RayServeEndpoint(settings)
        try:
            endpoint.deploy(vintages[0])
            client = ask_beside(endpoint, vintages, given.rate)
            soak = Soak(endpoint, vintages, [])
            soak.run(given.minutes, given.change_seconds)
            told = json.loads(client.communicate(timeout=120)[0])
        finally:
            endpoint.stop()
    flat, text = verdict(soak.measured)
    print(json.dumps(told), f"Memory {text}.", report.setting("benchmarks.soak"), sep="\n", flush=True)
    sys.exit(0 if flat and told["failed"] == 0 else 1)


if __name__ == "__main__":
    main()
