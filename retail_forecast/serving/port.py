"""The endpoint as a port: deploy a vintage, scale, say what is served, stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import httpx


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
    return EndpointStatus(report["status"], api_url, pid=pid, **named)
