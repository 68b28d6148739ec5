"""What-if questions over HTTP, beside LightGBM alone with the same rows.

    python -m benchmarks.what_if --url http://127.0.0.1:8000 --lake file:///…/lake

The endpoint must serve the vintage in force of the lake. Each question asks other series for another price on the same
days of the horizon, so that exactly `rows` rows are predicted anew: 100 are 25 days of four series. The answer has the
whole horizon of each. Bare LightGBM is `Booster.predict` of every member on one core, series by series, with the rows
ready in memory: no HTTP, no features, no quantiles, no JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from benchmarks.report import table
from retail_forecast.lake import open_lake
from retail_forecast.lake.vintages import latest_vintage
from retail_forecast.serving.loading import load_predictor
from retail_forecast.serving.predictor import Predictor

_QUESTIONS = 400
_WARM_UP_SECONDS = 3.0


@dataclass(frozen=True)
class Load:
    """What came back in `seconds`."""

    seconds: float
    milliseconds: Sequence[float]
    failed: int

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return len(self.milliseconds) / self.seconds

    def percentile(self, share: float) -> float:
        """Of the times to answer, in ms."""
        return float(np.percentile(self.milliseconds, share)) if self.milliseconds else float("nan")


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints one row per size of question and number of connections."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--lake", required=True)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--rows", type=int, nargs="+", default=[28, 100, 112], help="rows per question")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--covariate", help="a number that is known ahead; by default the first")
    given = parser.parse_args(arguments)
    predictor = _predictor(given.lake)
    covariate = given.covariate or predictor.bundle.spec.relative[0]
    rows = []
    for shape in [_shape(count, predictor.vintage.horizon) for count in given.rows]:
        keys = _questions(predictor, shape.series)
        bare = _bare_rate(predictor, keys[:100], shape.periods)
        changes = {"dates": _dates(predictor, keys[0][0], shape.periods), "values": {covariate: 2.345}}
        bodies = [_request(given.url, one, changes) for one in keys]
        for connections in given.connections:
            asyncio.run(_ask(given.url, bodies, connections, _WARM_UP_SECONDS))
            load = asyncio.run(_ask(given.url, bodies, connections, given.seconds))
            rows.append(_row(shape, connections, load, bare))
    heads = ["rows", "series x days", "connections", "questions/s", "p50 ms", "p99 ms", "failed", "bare/s", "to bare"]
    print(table(heads, rows))


@dataclass(frozen=True)
class Shape:
    """Rows of a question: so many series, each for so many periods of the horizon."""

    series: int
    periods: int

    @property
    def rows(self) -> int:
        """Of all series."""
        return self.series * self.periods


def _shape(rows: int, horizon: int) -> Shape:
    """The fewest series that have so many rows, all for the same periods.

    >>> _shape(100, 28), _shape(112, 28)
    (Shape(series=4, periods=25), Shape(series=4, periods=28))
    """
    series = next(count for count in range(1, rows + 1) if rows % count == 0 and rows // count <= horizon)
    return Shape(series, rows // series)


def _dates(predictor: Predictor, series: tuple[str, str], periods: int) -> list[str]:
    """The first of the horizon."""
    return predictor.table.dates[slice(*predictor.table.spans[series])][:periods]


def _predictor(lake_url: str) -> Predictor:
    vintage = latest_vintage(open_lake(lake_url))
    if vintage is None:
        raise SystemExit(f"{lake_url} has no vintage; publish forecasts first.")
    return load_predictor(lake_url, vintage.id)


def _questions(predictor: Predictor, count: int) -> list[list[tuple[str, str]]]:
    keys, chance = list(predictor.table.spans), random.Random(1)
    return [chance.sample(keys, count) for _ in range(_QUESTIONS)]


def _bare_rate(predictor: Predictor, questions: Sequence[Sequence[tuple[str, str]]], periods: int) -> float:
    """Questions a second of the model alone, one question after the other."""
    bundle, asked = predictor.bundle, []
    for keys in questions:
        for store, item in keys:
            pool = bundle.pools_for(store)[0]
            matrix = predictor.rows.matrix(pool, predictor.table.spans[store, item])[0][:periods]
            asked.append((bundle.members(pool), matrix))
    started = time.perf_counter()
    for members, matrix in asked:
        for booster in members.values():
            booster.predict(matrix)
    return len(questions) / (time.perf_counter() - started)


def _request(url: str, keys: Sequence[tuple[str, str]], changes: Mapping[str, Any]) -> bytes:
    named: Any = [{"store_id": store, "item_id": item} for store, item in keys]
    about = named[0] if len(keys) == 1 else {"series": named}
    body = json.dumps({**about, "changes": [changes]}).encode()
    head = f"POST /v1/what-if HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def _ask(url: str, requests: Sequence[bytes], connections: int, seconds: float) -> Load:
    """Each connection asks one question after the other."""
    until, times, failed = time.perf_counter() + seconds, [], [0]

    async def work(seed: int) -> None:
        place, chance = urlsplit(url), random.Random(seed)
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        while (started := time.perf_counter()) < until:
            writer.write(chance.choice(requests))
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(_length(head))
            if head.startswith(b"HTTP/1.1 200"):
                times.append(1000 * (time.perf_counter() - started))
            else:
                failed[0] += 1
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(work(seed) for seed in range(connections)))
    return Load(time.perf_counter() - began, times, failed[0])


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":")[1])
    raise SystemExit(f"An answer without a length: {head[:200]!r}")


def _row(shape: Shape, connections: int, load: Load, bare: float) -> list[object]:
    times, size = (load.percentile(50), load.percentile(99)), f"{shape.series} x {shape.periods}"
    return [shape.rows, size, connections, load.rate, *times, load.failed, bare, f"{load.rate / bare:.2f}"]


if __name__ == "__main__":
    main()
