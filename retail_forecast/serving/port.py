"""The endpoint as a port: deploy a vintage, scale, say what is served, stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import httpx
from pydantic import ValidationError

from retail_forecast.errors import DeploymentError
from retail_forecast.serving.config import Challenger

OBSERVE_SECONDS = 30


@dataclass(frozen=True)
class Deployment:
    """A deployment that was proved: every replica serves the vintage and live answers equal the published table."""

    url: str
    vintage: str | None
    model_version: str | None
    replicas: int
    seconds: float


@dataclass(frozen=True)
class EndpointStatus:
    """What is served now. down: no process; starting: no answer yet; the others as in contracts.ServingStatus."""

    state: Literal["down", "starting", "ready", "degraded", "unready"]
    url: str
    wanted: str | None = None
    active: str | None = None
    model_version: str | None = None
    error: str | None = None
    pid: int | None = None
    challenger: Challenger | None = None


class Endpoint(Protocol):
    """Something that answers over HTTP from one vintage at a time."""

    def deploy(self, vintage_id: str) -> Deployment:
        """Serves the vintage, starting what is needed. Raises DeploymentError; what served before goes on then."""
        ...

    def start(self) -> Deployment:
        """Serves the vintage in force; without any, is up and says so (503)."""
        ...

    def scale(self, least: int, most: int) -> Deployment | None:
        """Answers with so many replicas from now on, also after a restart. None if it is down and has to be started.

        Raises ConfigurationError for numbers that cannot be, DeploymentError when they are not reached.
        """
        ...

    def challenge(self, challenger: Challenger) -> Deployment:
        """Holds the challenger beside what is served on every replica, as a shadow or a canary, proved as a deployment.

        Raises DeploymentError when a replica cannot hold it or nothing is served; every replica has let go of it then.
        """
        ...

    def withdraw(self) -> Deployment:
        """Lets go of a challenger: every replica answers from the active vintage alone. Raises DeploymentError."""
        ...

    def observe(self) -> dict[str, dict[str, Any]]:
        """The report of each replica that runs, by its name; those that were not reached in time are not in it."""
        ...

    def status(self) -> EndpointStatus:
        """What is served now."""
        ...

    def stop(self) -> bool:
        """Ends what runs on this machine; whether something did. An endpoint of a cluster is Helm's to end."""
        ...


def ask_status(api_url: str, *, pid: int | None = None) -> EndpointStatus:
    """What some replica says; `starting` where nobody answers yet."""
    try:
        report: dict[str, Any] = httpx.get(f"{api_url}/readyz", trust_env=False, timeout=10).json()
    except (httpx.HTTPError, ValueError):
        report = {}
    if "replica" not in report:
        return EndpointStatus("starting", api_url, pid=pid)
    named = {name: report[name] for name in ("wanted", "active", "model_version", "error")}
    return EndpointStatus(report["status"], api_url, pid=pid, challenger=_challenger_of(report), **named)


def require_active(status: EndpointStatus, challenger: str) -> str:
    """The vintage that is served, which a challenger needs. Raises DeploymentError without one."""
    if status.active is None:
        text = f"The endpoint is {status.state}: there is nothing to try a challenger against. Deploy a vintage first."
        raise DeploymentError(text, wanted=challenger, active=None)
    return status.active


def _challenger_of(report: dict[str, Any]) -> Challenger | None:
    told = report.get("rollout") or {}
    try:
        return Challenger.model_validate({name: told.get(name) for name in Challenger.model_fields})
    except ValidationError:  # none, or one that could not be loaded
        return None
