"""From an answer back to the rows that it came from: the API's history of a series against the landing's files.

The lineage of the vintage that answered names, for each period, the files behind it with their content hashes. A file
that still has its hash is read again as it was when it arrived, and its row must say what the API says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Any
from urllib.parse import quote

import polars as pl

from retail_forecast.dataset import SERIES, Dataset
from retail_forecast.errors import NotFoundError
from retail_forecast.evaluation.hierarchy import split_groups
from retail_forecast.ingest.drops import read_drop
from retail_forecast.lake.stores import Store
from retail_forecast.serving.levels import SERIES_LEVEL

Ask = Callable[[str], Any]
"""The JSON behind a path of the API, such as `/v1/levels`."""

Series = tuple[str, str]
_PAGE = 10_000


@dataclass(frozen=True)
class TracedPeriod:
    """One period of a series: what the API says it sold, and what the file says that the lineage names.

    problem: why the two are not the same number; None if they are.
    """

    store_id: str
    item_id: str
    date: date
    answered: float
    landed: float | None
    file: str
    sha256: str
    vintage: str
    problem: str | None


def pick_series(ask: Ask, count: int, random: Random) -> list[Series]:
    """So many series of the vintage that answers, at random."""
    groups: list[str] = []
    after: str | None = ""
    while after is not None:
        page = ask(f"/v1/levels/{SERIES_LEVEL.replace('/', ':')}?limit={_PAGE}&after={quote(after, safe='')}")
        groups += page["groups"]
        after = page["next"]
    chosen = pl.Series(random.sample(groups, min(count, len(groups))), dtype=pl.String)
    return [(store, item) for store, item in split_groups(chosen, SERIES).iter_rows()]


def trace(
    ask: Ask, landing: Store, dataset: Dataset, series: Sequence[Series], *, periods: int, random: Random
) -> Iterator[TracedPeriod]:
    """So many known periods of each series, at random, each traced to the landing."""
    tracer = _Tracer(ask, landing, dataset, frozenset(series))
    for store_id, item_id in series:
        path = f"/v1/history/{quote(store_id, safe='')}/{quote(item_id, safe='')}"
        history = ask(path)
        known = [one for one in history["periods"] if one["units_sold"] is not None]
        for one in sorted(random.sample(known, min(periods, len(known))), key=lambda one: str(one["date"])):
            yield tracer.trace(store_id, item_id, one, history["vintage"])


@dataclass
class _Tracer:
    """Reads each file once, and keeps of it the rows of the series that are traced."""

    ask: Ask
    landing: Store
    dataset: Dataset
    series: frozenset[Series]
    lineages: dict[str, Mapping[str, list[Mapping[str, Any]]]] = field(default_factory=dict)
    files: dict[str, pl.DataFrame] = field(default_factory=dict)

    def trace(self, store_id: str, item_id: str, period: Mapping[str, Any], vintage: str) -> TracedPeriod:
        day, answered = date.fromisoformat(period["date"]), float(period["units_sold"])
        sources = self._sources(vintage).get(period["date"], [])
        landed, problem = None, None if sources else "the lineage names no file of this period"
        try:
            landed = self._landed(sources, store_id, item_id, day)
        except NotFoundError as error:
            problem = str(error)
        if problem is None and (landed is None or abs(landed - answered) > 1e-3):
            problem = "the file says another number"
        last: Mapping[str, Any] = sources[-1] if sources else {}
        file, sha256 = str(last.get("object", "")), str(last.get("sha256", ""))
        return TracedPeriod(store_id, item_id, day, answered, landed, file, sha256, vintage, problem)

    def _sources(self, vintage: str) -> Mapping[str, list[Mapping[str, Any]]]:
        """Period to the files of its sales, the last delivered at the end."""
        if vintage not in self.lineages:
            inputs = self.ask(f"/v1/lineage/{vintage}?table=sales")["inputs"]["sales"]
            self.lineages[vintage] = {one["partition"]: [] for one in inputs}
            for one in inputs:
                self.lineages[vintage][one["partition"]].append(one)
        return self.lineages[vintage]

    def _landed(self, sources: Sequence[Mapping[str, Any]], store_id: str, item_id: str, day: date) -> float | None:
        """What the last file with a row of the series says; without any row nothing was sold, or it is not known."""
        units = None if self.dataset.policy.missing_periods == "missing" else 0.0
        for source in sources:
            rows = self._rows(source).filter(store_id=store_id, item_id=item_id, date=day)
            units = float(rows["units_sold"][0]) if rows.height else units
        return units

    def _rows(self, source: Mapping[str, Any]) -> pl.DataFrame:
        """The file's rows of the series. Raises NotFoundError if it is not the file any more that it was."""
        name = str(source["object"])
        if name not in self.files:
            data = self.landing.read(name)
            if hashlib.sha256(data).hexdigest() != source["sha256"]:
                version = source.get("version_id")
                fix = f"S3 keeps it as version {version}." if version else "It was replaced since."
                raise NotFoundError(f"{name} with the content that the lineage names", fix=fix)
            rows = read_drop(data, name, "sales", self.dataset)
            traced = pl.DataFrame(sorted(self.series), schema=list(SERIES), orient="row")
            self.files[name] = rows.join(traced, on=list(SERIES), how="semi")
        return self.files[name]
