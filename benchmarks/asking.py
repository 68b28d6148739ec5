"""A client in a process of its own that asks the API steadily and checks every answer against what was published.

    python -m benchmarks.asking --url http://127.0.0.1:8000 --lake file:///… --vintages V1,V2 --rate 100

It asks until its standard input ends, and then prints what it saw as one JSON object.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import polars as pl

from retail_forecast.lake import open_lake
from retail_forecast.lake.vintages import read_vintage, scan_forecasts

SERIES, BATCH, TOLERANCE, TIMEOUT_SECONDS = 200, 20, 1e-3, 30
Means = dict[tuple[str, str], list[float]]


@dataclass
class Seen:
    """What came back. gaps: the longest time between two good answers of any of the connections, in seconds."""

    asked: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    vintages: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)
    last: float = field(default_factory=time.monotonic)
    gap_seconds: float = 0.0

    def good(self, kind: str, vintage: str, started: float) -> None:
        """Counts a right answer."""
        now = time.monotonic()
        self.asked[kind] += 1
        self.vintages[vintage] += 1
        self.milliseconds.append(1000 * (now - started))
        self.gap_seconds, self.last = max(self.gap_seconds, now - self.last), now

    def bad(self, kind: str, reason: str) -> None:
        """Counts a wrong answer, or none."""
        self.asked[kind] += 1
        self.failed[f"{kind}: {reason.split(':')[0]}"] += 1
        self.examples = [*self.examples, f"{time.strftime('%H:%M:%S')} {kind}: {reason}"][:20]

    def to_json(self) -> dict[str, Any]:
        """What is printed."""
        times = sorted(self.milliseconds)
        named = {f"p{share}_ms": round(times[int(share / 100 * (len(times) - 1))], 1) for share in (50, 99)}
        return {
            "asked": sum(self.asked.values()),
            "by_kind": dict(self.asked),
            "failed": sum(self.failed.values()),
            "failures": dict(self.failed),
            "examples": self.examples,
            "vintages": dict(self.vintages),
            **(named if times else {}),
            "longest_gap_s": round(self.gap_seconds, 2),
        }


@dataclass(frozen=True)
class Client:
    """Asks on connections that it keeps; a new one after a failure. scenario: what a what-if changes."""

    url: str
    published: dict[str, Means]
    scenario: dict[str, Any] | None
    seen: Seen

    def work(self, done: threading.Event, pause_seconds: float, seed: int) -> None:
        """One connection's questions until `done`."""
        chance, connection = random.Random(seed), self._connect()
        keys = sorted(next(iter(self.published.values())))
        kinds = ["lookup"] * 8 + ["batch"] + (["what_if"] if self.scenario else ["lookup"])
        while not done.wait(chance.uniform(0, 2 * pause_seconds)):
            kind, chosen, started = chance.choice(kinds), chance.sample(keys, min(BATCH, len(keys))), time.monotonic()
            try:
                problem, vintage = self._ask(connection, kind, chosen)
            except (OSError, http.client.HTTPException, ValueError) as error:
                problem, vintage = f"{type(error).__name__}: {error}", ""
            if problem is None:
                self.seen.good(kind, vintage, started)
            else:
                self.seen.bad(kind, problem)
                connection.close()
                connection = self._connect()

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=TIMEOUT_SECONDS)

    def _ask(
        self, connection: http.client.HTTPConnection, kind: str, keys: list[tuple[str, str]]
    ) -> tuple[str | None, str]:
        """(what is wrong or None, the vintage that answered)."""
        store, item = keys[0]
        named = [{"store_id": store, "item_id": item} for store, item in keys]
        requests: dict[str, tuple[str, str, Any]] = {
            "lookup": ("GET", f"/v1/forecasts/{quote(store, safe='')}/{quote(item, safe='')}", None),
            "batch": ("POST", "/v1/forecasts", {"series": named}),
            "what_if": ("POST", "/v1/what-if", {**named[0], "changes": [{"values": self.scenario}]}),
        }
        method, path, body = requests[kind]
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, {"Content-Type": "application/json"} if text else {})
        response = connection.getresponse()
        content = response.read()
        if response.status != 200:
            return f"status {response.status}: {content[:200]!r}", ""
        answer = json.loads(content)
        vintage = answer["vintage"]
        if vintage not in self.published or response.headers["x-forecast-vintage"] != vintage:
            return f"vintage {vintage}: in the header {response.headers['x-forecast-vintage']}", vintage
        for series, means in _means_of(kind, answer).items():
            if not _are_equal(means, self.published[vintage].get(series, [])):
                return f"numbers: of {series} by {vintage}", vintage
        return None, vintage


def _means_of(kind: str, answer: dict[str, Any]) -> Means:
    """The published means that an answer repeats."""
    if kind == "what_if":
        return {(answer["store_id"], answer["item_id"]): [one["baseline"]["mean"] for one in answer["periods"]]}
    found = answer["series"] if kind == "batch" else [answer]
    return {(one["store_id"], one["item_id"]): [row["mean"] for row in one["forecasts"]] for one in found}


def _are_equal(found: list[float], published: list[float]) -> bool:
    near = (abs(one - other) <= TOLERANCE * (1 + abs(other)) for one, other in zip(found, published, strict=False))
    return len(found) == len(published) and all(near)


def published_means(lake_url: str, vintages: list[str]) -> dict[str, Means]:
    """Vintage to the means of some series that all of them have, spread over the table."""
    lake = open_lake(lake_url)
    keys = ["store_id", "item_id"]
    common = scan_forecasts(lake, vintages[0]).select(keys).unique()
    for vintage in vintages[1:]:
        common = common.join(scan_forecasts(lake, vintage).select(keys).unique(), on=keys, how="semi")
    series = common.sort(keys).collect()
    chosen = series.gather_every(max(1, series.height // SERIES)).head(SERIES)
    return {vintage: _read(lake_url, vintage, chosen) for vintage in vintages}


def _read(lake_url: str, vintage: str, chosen: pl.DataFrame) -> Means:
    keys = ["store_id", "item_id"]
    rows = scan_forecasts(open_lake(lake_url), vintage).join(chosen.lazy(), on=keys, how="semi")
    grouped = rows.sort(*keys, "date").group_by(keys, maintain_order=True).agg("mean").collect()
    return {(store, item): means for store, item, means in grouped.iter_rows()}


def main() -> None:
    """Asks until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--lake", required=True)
    parser.add_argument("--vintages", required=True, help="those that may answer, with commas between")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--rate", type=float, default=100, help="questions a second, in all")
    parser.add_argument("--scenario", type=json.loads, help='what a what-if changes: {"sell_price": 2.5}')
    given = parser.parse_args()
    vintages = given.vintages.split(",")
    for vintage in vintages:
        read_vintage(open_lake(given.lake), vintage)
    seen, done = Seen(), threading.Event()
    client = Client(given.url, published_means(given.lake, vintages), given.scenario, seen)
    pause = given.connections / given.rate
    threads = [threading.Thread(target=client.work, args=(done, pause, n)) for n in range(given.connections)]
    for thread in threads:
        thread.start()
    print("asking", flush=True)
    sys.stdin.read()
    done.set()
    for thread in threads:
        thread.join()
    print(json.dumps(seen.to_json()), flush=True)


if __name__ == "__main__":
    main()
