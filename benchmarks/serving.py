"""The endpoint against its peer: lookups, batches of 1,000 series, and the memory of a replica with 300,000 series.

    python -m benchmarks.serving --home HOME
    python -m benchmarks.serving --home HOME --series 0      # without the large vintage

The peer (`benchmarks/serving_peer.py`) is uvicorn and FastAPI in one process, which look plain numbers up in a dict and
write JSON; ours is Ray Serve with HAProxy and two replicas, as `retail-forecast serve` starts it. Both answer with the
forecasts in force of HOME; that they say the same is checked first. wrk asks on the same machine, for random series, in
turns: while one side is asked the other is stopped (SIGSTOP), so that Ray's own housekeeping burdens ours alone. The
median of the rounds counts. The large vintage is HOME's with its stores copied under new names.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

import httpx
import polars as pl
import psutil

from benchmarks import report
from benchmarks.measure import measure
from benchmarks.serving_load import Lap, Wrk, find_wrk, median
from benchmarks.serving_vintage import copy_vintages
from retail_forecast.serving import RayServeEndpoint
from retail_forecast.serving.ports import free_port
from retail_forecast.serving.processes import read_info, serve_folder
from retail_forecast.settings import Settings

ASKED, SERIES_PER_BATCH, BATCH_CONNECTIONS = 5000, 1000, 4
CONNECTIONS = (16, 64)


@dataclass(frozen=True)
class Side:
    """One server: where it answers, and its processes."""

    name: str
    url: str
    processes: Callable[[], list[psutil.Process]]


@dataclass(frozen=True)
class Bench:
    """Both sides and how they are asked. series: (store_id, item_id) of the vintage, shuffled."""

    ours: Side
    peer: Side
    wrk: Wrk
    rounds: int
    series: Sequence[tuple[str, str]]

    def compare(self, ask: Callable[[str], Lap]) -> tuple[Lap, Lap]:
        """(ours, the peer's): `ask` is given a base URL, both sides in turn, as often as there are rounds."""
        laps: dict[str, list[Lap]] = {self.ours.name: [], self.peer.name: []}
        for _ in range(self.rounds):
            for side, other in ((self.peer, self.ours), (self.ours, self.peer)):
                with stopped(other.processes()):
                    laps[side.name].append(ask(side.url))
        return median(laps[self.ours.name]), median(laps[self.peer.name])


def lookups(bench: Bench) -> list[Sequence[object]]:
    """GET of one series, at 16 and 64 connections."""
    paths, rows = [path_of(key) for key in bench.series[:ASKED]], []
    for connections in CONNECTIONS:
        sides = bench.compare(partial(bench.wrk.get, paths=paths, connections=connections))
        rows += rows_of(f"lookup, {connections} connections", *sides)
    return rows


def batches(bench: Bench) -> list[Sequence[object]]:
    """POST of 1,000 series; numbers are of series, not of requests."""
    found = random.Random(2)
    size = min(SERIES_PER_BATCH, len(bench.series))
    chosen = [found.sample(bench.series, size) for _ in range(20)]
    bodies = [json.dumps({"series": [{"store_id": s, "item_id": i} for s, i in keys]}) for keys in chosen]
    sides = bench.compare(lambda url: bench.wrk.post(url, "/v1/forecasts", bodies, BATCH_CONNECTIONS))
    of_series = [Lap(lap.per_second * size, lap.p50_ms, lap.p99_ms, lap.failed) for lap in sides]
    return rows_of(f"series in batches of {size}, {BATCH_CONNECTIONS} connections", *of_series)


PARTS: list[Callable[[Bench], list[Sequence[object]]]] = [lookups, batches]
"""Each part asks both sides and gives rows of the table; another one is added here."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=Path(".retail-forecast"), help="home with published forecasts")
    parser.add_argument("--series", type=int, default=300_000, help="series of the large vintage; 0 leaves it out")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each side")
    parser.add_argument("--seconds", type=int, default=6, help="length of a turn")
    parser.add_argument("--wrk", help="wrk, where it is not in PATH")
    given = parser.parse_args(arguments)
    wrk = find_wrk(given.wrk, given.seconds)
    with tempfile.TemporaryDirectory(prefix="rf-serving-") as folder:
        made = measure(copy_vintages, cores=2, home=str(given.home), folder=folder, series=given.series).facts
        print(run(Path(folder), made["vintage"], made["large"], wrk, given.rounds))
    print("", report.setting("benchmarks.serving"), sep="\n")


def run(folder: Path, vintage: str, large: str | None, wrk: Wrk, rounds: int) -> str:
    """The tables as Markdown."""
    parquet = folder / "lake" / "vintages" / vintage / "forecasts.parquet"
    keys = pl.scan_parquet(parquet).select("store_id", "item_id").unique().sort("store_id", "item_id").collect()
    series = random.Random(1).sample(keys.rows(), keys.height)
    with started_peer(parquet) as peer, started_endpoint(folder) as endpoint:
        endpoint.deploy(vintage)
        ours = Side("ours", endpoint.settings.api_url, lambda: session_of(endpoint))
        bench = Bench(ours, peer, wrk, rounds, series)
        check_same(bench)
        rows = [row for part in PARTS for row in part(bench)]
        headers = ["what", "side", "per second", "p50, ms", "p99, ms", "failed", "ours to the peer's"]
        tables = [report.table(headers, rows)]
        if large is not None:
            tables.append(memory(bench, endpoint, vintage, large, folder))
    return "\n\n".join(tables)


def memory(bench: Bench, endpoint: RayServeEndpoint, vintage: str, large: str, folder: Path) -> str:
    """Memory of the replicas with each vintage, after lookups of random series."""
    rows = []
    for id in (vintage, large):
        began = time.monotonic()
        endpoint.deploy(id)
        seconds = time.monotonic() - began
        parquet = folder / "lake" / "vintages" / id / "forecasts.parquet"
        keys = pl.scan_parquet(parquet).select("store_id", "item_id").unique().collect()
        paths = [path_of(key) for key in keys.sample(min(keys.height, 20 * ASKED), seed=1).iter_rows()]
        lap = bench.wrk.get(bench.ours.url, paths, CONNECTIONS[0])
        for number, process in enumerate(replicas_of(endpoint)):
            full = process.memory_full_info()
            rows.append((f"{keys.height:,}", number, full.rss / 1e9, full.uss / 1e9, lap.per_second, seconds))
    headers = ["series", "replica", "resident, GB", "its own alone, GB", "lookups a second", "deployed in, s"]
    return report.table(headers, rows)


def rows_of(what: str, ours: Lap, peer: Lap) -> list[Sequence[object]]:
    """Two rows, with the ratio of the rates."""
    told = [("peer", peer, "1.00 x"), ("ours", ours, report.ratio(ours.per_second, peer.per_second))]
    return [(what, name, lap.per_second, lap.p50_ms, lap.p99_ms, lap.failed, ratio) for name, lap, ratio in told]


def check_same(bench: Bench) -> None:
    """Raises SystemExit unless both sides answer the same for some series, but for the provenance in ours."""
    for key in bench.series[:20]:
        ours, theirs = (httpx.get(side.url + path_of(key)).json() for side in (bench.ours, bench.peer))
        if {name: ours.get(name) for name in theirs} != theirs:
            raise SystemExit(f"The sides answer differently for {key}:\n{ours}\n{theirs}")


def path_of(key: Sequence[str]) -> str:
    """Where the series is asked for."""
    store_id, item_id = key
    return f"/v1/forecasts/{quote(store_id, safe='')}/{quote(item_id, safe='')}"


@contextmanager
def stopped(processes: list[psutil.Process]) -> Iterator[None]:
    """They do nothing inside the block."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.suspend()
    try:
        yield
    finally:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.resume()


@contextmanager
def started_peer(parquet: Path) -> Iterator[Side]:
    """The peer, answering."""
    port = free_port()
    with subprocess.Popen([sys.executable, "-m", "benchmarks.serving_peer", str(parquet), str(port)]) as process:
        try:
            _wait_for(f"http://127.0.0.1:{port}/docs")
            yield Side("peer", f"http://127.0.0.1:{port}", lambda: [psutil.Process(process.pid)])
        finally:
            process.terminate()


@contextmanager
def started_endpoint(folder: Path) -> Iterator[RayServeEndpoint]:
    """Ours, on a home of its own below `folder`, with two replicas."""
    lake = (folder / "lake").as_uri()
    settings = Settings(home=folder / "home", lake_url=lake, api_port=free_port(), ray_dashboard_port=free_port())
    endpoint = RayServeEndpoint(settings, timeout_seconds=600)
    try:
        yield endpoint
    finally:
        endpoint.stop()


def session_of(endpoint: RayServeEndpoint) -> list[psutil.Process]:
    """The host and all below it."""
    info = read_info(serve_folder(endpoint.settings))
    host = psutil.Process(info.pid) if info is not None else None
    return [host, *host.children(recursive=True)] if host is not None else []


def replicas_of(endpoint: RayServeEndpoint) -> list[psutil.Process]:
    """The replicas' processes."""
    return [one for one in session_of(endpoint) if "ServeReplica" in " ".join(one.cmdline())]


def _wait_for(url: str) -> None:
    until = time.monotonic() + 300
    while time.monotonic() < until:
        with suppress(httpx.HTTPError):
            httpx.get(url)
            return
        time.sleep(0.2)
    raise SystemExit(f"{url} did not answer.")


if __name__ == "__main__":
    main()
