"""Serving another vintage, and believing it only when every replica says so and the live answers are the table's."""

from __future__ import annotations

import ssl
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx

from retail_forecast.errors import DeploymentError
from retail_forecast.patience import Patience
from retail_forecast.serving import proof
from retail_forecast.serving.config import Challenger, ServeConfig, UserConfig
from retail_forecast.serving.scale import Scale
from retail_forecast.serving.serve_api import ApplicationState, ServeControl
from retail_forecast.serving.trial import is_in_share

_POLL_SECONDS = 0.1
ROLLBACK_SECONDS = 60

Report = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """What is to be served, and what is to be tried beside it."""

    vintage: str | None
    challenger: Challenger | None = None

    @property
    def name(self) -> str:
        """The vintage that is new in it, for messages."""
        return (self.challenger.vintage if self.challenger is not None else self.vintage) or ""


@dataclass(frozen=True)
class Rollout:
    """One change of what is served, from the request to the proof.

    configure: the Serve configuration around a user_config. api_url: where the answers are. headers: what our
    requests there carry, if the API asks who we are. on_this_machine: replicas wait for its processors, and the time
    is counted accordingly (see Patience).
    """

    api: ServeControl
    api_url: str
    lake_url: str
    scale: Scale
    configure: Callable[[UserConfig], ServeConfig]
    timeout_seconds: float = 300
    poll_seconds: float = field(default=_POLL_SECONDS)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    on_this_machine: bool = False

    def run(self, wanted: Wanted) -> dict[str, Report]:
        """Serves what is wanted (no vintage: just be up); each replica's report. Raises DeploymentError."""
        previous = self.active()
        try:
            return self.attempt(wanted, previous)
        except DeploymentError as error:
            if previous is None or (wanted.challenger is None and not self._some_serve_anew(wanted.vintage, previous)):
                raise
            self.tell(Wanted(previous), fallback=None, seconds=ROLLBACK_SECONDS)
            text = f"{error.reason} All replicas were sent back to {previous!r}."
            raise DeploymentError(text, wanted=error.wanted, active=self.active()) from error

    def attempt(self, wanted: Wanted, previous: str | None) -> dict[str, Report]:
        """The same, and a failure leaves things as they came."""
        reports = self.tell(wanted, fallback=previous, seconds=self.timeout_seconds)
        self._require_served(wanted.vintage, reports, previous)
        self._require_held(wanted, reports)
        self._compare(wanted)
        return reports

    def active(self) -> str | None:
        """The vintage that the live URL answers from; None without one."""
        report = self._report()
        return report["active"] if report else None

    def tell(self, wanted: Wanted, *, fallback: str | None, seconds: float) -> dict[str, Report]:
        """Tells every replica what to serve; their reports, once each has taken note. Raises DeploymentError."""
        try:
            return self._wait_for(self.put(wanted, fallback=fallback), wanted, seconds)
        except httpx.HTTPError as error:
            text = f"Ray Serve's REST API at {self.api.url} refused or did not answer: {error}.{_last_words(error)}"
            raise DeploymentError(text, wanted=wanted.name, active=self.active()) from error

    def put(self, wanted: Wanted, *, fallback: str | None) -> str:
        """Hands the configuration on and does not wait; the request by which replicas tell that they took note."""
        request = uuid.uuid4().hex
        spare = fallback if fallback != wanted.vintage else None
        user_config = UserConfig(
            vintage=wanted.vintage,
            lake_url=self.lake_url,
            fallback=spare,
            request=request,
            challenger=wanted.challenger,
        )
        self.api.put(self.configure(user_config))
        return request

    def reports(self, seconds: float) -> dict[str, Report]:
        """What each running replica says now; without those that nobody reached in that time."""
        state, seen = self._gather(lambda _: True, seconds)
        return {replica: seen[replica] for replica in state.replicas & set(seen)}

    def _wait_for(self, request: str, wanted: Wanted, seconds: float) -> dict[str, Report]:
        """Asks until each replica that Serve counts as running has said that it took note of the request."""
        started = time.monotonic()
        state, seen = self._gather(lambda report: report["request"] == request, seconds)
        if self._is_complete(state, seen):
            return {replica: seen[replica] for replica in state.replicas}
        silent = ", ".join(sorted(state.replicas - set(seen))) or "none"
        waited = time.monotonic() - started
        text = (
            f"After {waited:.0f} s {len(seen)} of {self.scale.least} replicas had taken note (silent: {silent}). "
            f"Ray Serve says {state.status}: {state.message.strip().rstrip('.') or 'nothing more'}."
        )
        raise DeploymentError(text, wanted=wanted.name, active=self.active())

    def _gather(self, counts: Callable[[Report], bool], seconds: float) -> tuple[ApplicationState, dict[str, Report]]:
        """Reports that count, by replica, until every running replica has given one, it fails, or the time is up."""
        patience, seen, state = Patience(seconds, here=self.on_this_machine), dict[str, Report](), self.api.state()
        while not patience.is_over() and state.status != "DEPLOY_FAILED":
            for _ in range(4 * self.scale.most if state.replicas else 0):  # Serve picks a replica at random
                report = self._report()
                if report is not None and counts(report):
                    seen[report["replica"]] = report
                if self._is_complete(state, seen):
                    return state, seen
            time.sleep(self.poll_seconds)
            state = self.api.state()
        return state, seen

    def _is_complete(self, state: ApplicationState, seen: dict[str, Report]) -> bool:
        return self.scale.least <= len(state.replicas) <= self.scale.most and state.replicas <= set(seen)

    def _require_served(self, vintage: str | None, reports: dict[str, Report], previous: str | None) -> None:
        errors = {name: one["error"] for name, one in reports.items() if one["error"] or one["active"] != vintage}
        if vintage is None or not errors:
            return
        name, error = next(iter(errors.items()))
        text = f"{len(errors)} of {len(reports)} replicas cannot serve it; replica {name} says: {error or 'nothing'}."
        raise DeploymentError(text, wanted=vintage, active=reports[name]["active"] or previous)

    def _require_held(self, wanted: Wanted, reports: dict[str, Report]) -> None:
        """Every replica must hold the challenger, if there is to be one."""
        told = {name: one.get("rollout") or {"error": "nothing"} for name, one in reports.items()}
        errors = {name: one["error"] for name, one in told.items() if one["error"]}
        if wanted.challenger is None or not errors:
            return
        name, error = next(iter(errors.items()))
        text = f"{len(errors)} of {len(reports)} replicas cannot hold it beside; replica {name} says: {error}."
        raise DeploymentError(text, wanted=wanted.name, active=wanted.vintage)

    def _compare(self, wanted: Wanted) -> None:
        """The live URL must answer what was published, for each series by the vintage that is to answer it."""
        canary = wanted.challenger if wanted.challenger is not None and wanted.challenger.mode == "canary" else None
        if wanted.vintage is not None and (canary is None or canary.share < 1):
            self._compare_series(wanted.vintage, lambda *series: canary is None or not _answers(canary, *series))
        if canary is not None:
            self._compare_series(canary.vintage, lambda *series: _answers(canary, *series))

    def _compare_series(self, vintage: str, wanted: proof.IsWanted) -> None:
        for rows in proof.sample_forecasts(self.lake_url, vintage, wanted=wanted):
            problem = proof.difference(rows, self._get(proof.path_of(rows)), vintage)
            if problem is not None:
                store, item = rows["store_id"][0], rows["item_id"][0]
                text = f"The live answer for store {store!r}, item {item!r} is not what was published: {problem}."
                raise DeploymentError(text, wanted=vintage, active=self.active())

    def _some_serve_anew(self, vintage: str | None, previous: str) -> bool:
        """Whether a replica serves the vintage, other than the one before."""
        asked = range(8 * self.scale.most if vintage != previous else 0)
        return any((self._report() or {}).get("active") == vintage for _ in asked)

    def _report(self) -> Report | None:
        """What some replica says of itself; None where nobody answers."""
        answer = self._get("/readyz")
        return answer if answer is not None and "replica" in answer else None

    def _get(self, path: str) -> dict[str, Any] | None:
        try:
            with httpx.Client(trust_env=False, timeout=30, verify=_tls()) as client:
                answer = client.get(f"{self.api_url}{path}", headers=self.headers).json()
        except (httpx.HTTPError, ValueError):
            return None
        return answer if isinstance(answer, dict) else None


def _last_words(error: httpx.HTTPError) -> str:
    """What Ray said with its refusal: the last line, where a traceback has its reason."""
    said = error.response.text.strip() if isinstance(error, httpx.HTTPStatusError) else ""
    return f" It says: {said.splitlines()[-1][-500:]}" if said else ""


@cache
def _tls() -> ssl.SSLContext:
    """Made once: reading the certificates takes longer than a request."""
    return httpx.create_ssl_context()


def _answers(canary: Challenger, store_id: str, item_id: str) -> bool:
    return is_in_share(canary.vintage, store_id, item_id, canary.share)
