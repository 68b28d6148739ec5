"""Serving another vintage, and believing it only when every replica says so and the live answers are the table's."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx
import polars as pl

from retail_forecast.errors import DeploymentError
from retail_forecast.lake import open_lake
from retail_forecast.lake.vintages import scan_forecasts
from retail_forecast.serving.config import ServeConfig, UserConfig
from retail_forecast.serving.scale import Scale
from retail_forecast.serving.serve_api import ServeControl

SAMPLED_SERIES = 5
_POLL_SECONDS = 0.1
_TOLERANCE = 1e-3
ROLLBACK_SECONDS = 60

Report = dict[str, Any]


@dataclass(frozen=True)
class Rollout:
    """One change of what is served, from the request to the proof.

    configure: the Serve configuration around a user_config. api_url: where the answers are. headers: what our
    requests there carry, if the API asks who we are.
    """

    api: ServeControl
    api_url: str
    lake_url: str
    scale: Scale
    configure: Callable[[UserConfig], ServeConfig]
    timeout_seconds: float = 300
    poll_seconds: float = field(default=_POLL_SECONDS)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def run(self, vintage: str | None) -> dict[str, Report]:
        """Serves `vintage` (None: just be up); each replica's report. Raises DeploymentError."""
        previous = self.active()
        try:
            return self.attempt(vintage, previous)
        except DeploymentError as error:
            if previous is None or previous == vintage or not self._some_serve(vintage):
                raise
            self.tell(previous, fallback=None, seconds=ROLLBACK_SECONDS)
            text = f"{error} All replicas were sent back to {previous!r}."
            raise DeploymentError(text, wanted=error.wanted, active=self.active()) from error

    def attempt(self, vintage: str | None, previous: str | None) -> dict[str, Report]:
        """The same, and a failure leaves things as they came."""
        reports = self.tell(vintage, fallback=previous, seconds=self.timeout_seconds)
        self._require_served(vintage, reports, previous)
        if vintage is not None:
            self._compare(vintage)
        return reports

    def active(self) -> str | None:
        """The vintage that the live URL answers from; None without one."""
        report = self._report()
        return report["active"] if report else None

    def tell(self, vintage: str | None, *, fallback: str | None, seconds: float) -> dict[str, Report]:
        """Tells every replica what to serve; their reports, once each has taken note. Raises DeploymentError."""
        try:
            return self._wait_for(self.put(vintage, fallback=fallback), vintage, seconds)
        except httpx.HTTPError as error:
            text = f"Ray Serve's REST API at {self.api.url} refused or did not answer: {error}."
            raise DeploymentError(text, wanted=vintage or "", active=self.active()) from error

    def put(self, vintage: str | None, *, fallback: str | None) -> str:
        """Hands the configuration on and does not wait; the request by which replicas tell that they took note."""
        request = uuid.uuid4().hex
        spare = fallback if fallback != vintage else None
        self.api.put(
            self.configure(UserConfig(vintage=vintage, lake_url=self.lake_url, fallback=spare, request=request))
        )
        return request

    def _wait_for(self, request: str, vintage: str | None, seconds: float) -> dict[str, Report]:
        """Asks until each replica that Serve counts as running has said that it took note of the request."""
        started, seen, state = time.monotonic(), dict[str, Report](), self.api.state()
        while time.monotonic() < started + seconds:
            state = self.api.state()
            if state.status == "DEPLOY_FAILED":
                break
            for _ in range(4 * self.scale.most if state.replicas else 0):  # Serve picks a replica at random
                report = self._report()
                if report is not None and report["request"] == request:
                    seen[report["replica"]] = report
                if self.scale.least <= len(state.replicas) <= self.scale.most and state.replicas <= set(seen):
                    return {replica: seen[replica] for replica in state.replicas}
            time.sleep(self.poll_seconds)
        silent = ", ".join(sorted(state.replicas - set(seen))) or "none"
        waited = time.monotonic() - started
        text = (
            f"After {waited:.0f} s {len(seen)} of {self.scale.least} replicas had taken note (silent: {silent}). "
            f"Ray Serve says {state.status}: {state.message.strip().rstrip('.') or 'nothing more'}."
        )
        raise DeploymentError(text, wanted=vintage or "", active=self.active())

    def _require_served(self, vintage: str | None, reports: dict[str, Report], previous: str | None) -> None:
        errors = {name: one["error"] for name, one in reports.items() if one["error"] or one["active"] != vintage}
        if vintage is None or not errors:
            return
        name, error = next(iter(errors.items()))
        text = f"{len(errors)} of {len(reports)} replicas cannot serve it; replica {name} says: {error or 'nothing'}."
        raise DeploymentError(text, wanted=vintage, active=reports[name]["active"] or previous)

    def _compare(self, vintage: str) -> None:
        """The live URL must answer what was published."""
        for rows in sample_forecasts(self.lake_url, vintage):
            store, item = rows["store_id"][0], rows["item_id"][0]
            answer = self._get(f"/v1/forecasts/{quote(store, safe='')}/{quote(item, safe='')}")
            problem = _difference(rows, answer, vintage)
            if problem is not None:
                text = f"The live answer for store {store!r}, item {item!r} is not what was published: {problem}."
                raise DeploymentError(text, wanted=vintage, active=self.active())

    def _some_serve(self, vintage: str | None) -> bool:
        return any((self._report() or {}).get("active") == vintage for _ in range(8 * self.scale.most))

    def _report(self) -> Report | None:
        """What some replica says of itself; None where nobody answers."""
        answer = self._get("/readyz")
        return answer if answer is not None and "replica" in answer else None

    def _get(self, path: str) -> dict[str, Any] | None:
        try:
            with httpx.Client(trust_env=False, timeout=30) as client:
                answer = client.get(f"{self.api_url}{path}", headers=self.headers).json()
        except (httpx.HTTPError, ValueError):
            return None
        return answer if isinstance(answer, dict) else None


def sample_forecasts(lake_url: str, vintage: str) -> list[pl.DataFrame]:
    """The published rows of some series, spread over the table."""
    published = scan_forecasts(open_lake(lake_url), vintage)
    series = published.select("store_id", "item_id").unique(maintain_order=True).collect()
    step = max(1, series.height // SAMPLED_SERIES)
    chosen = series.gather_every(step).head(SAMPLED_SERIES)
    rows = published.join(chosen.lazy(), on=["store_id", "item_id"], how="semi").sort("store_id", "item_id", "date")
    return rows.collect().partition_by("store_id", "item_id", maintain_order=True)


def _difference(rows: pl.DataFrame, answer: dict[str, Any] | None, vintage: str) -> str | None:
    """What tells the answer from the published rows; None if nothing does."""
    if answer is None or "forecasts" not in answer:
        return f"found {str(answer)[:200]}"
    if answer["vintage"] != vintage:
        return f"it comes from vintage {answer['vintage']!r}"
    columns = rows.select("mean", pl.col(r"^q\d.*$")).columns
    found = [
        {"date": one["date"], "mean": one["mean"], **{f"q{name}": value for name, value in one["quantiles"].items()}}
        for one in answer["forecasts"]
    ]
    if [one["date"] for one in found] != rows["date"].cast(pl.String).to_list():
        return "its dates are others"
    for row, one in zip(rows.iter_rows(named=True), found, strict=True):
        for column in columns:
            if abs(row[column] - one.get(column, float("inf"))) > _TOLERANCE * (1 + abs(row[column])):
                return f"{column} on {one['date']} is {one.get(column)}, published {row[column]}"
    return None
