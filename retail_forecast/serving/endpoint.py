"""The endpoint as a port: deploy a vintage, say what is served, stop."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import httpx

from retail_forecast import __version__
from retail_forecast.errors import DeploymentError
from retail_forecast.lake import open_lake
from retail_forecast.lake.vintages import latest_vintage, read_vintage
from retail_forecast.serving.config import ServeConfig, UserConfig, build_serve_config
from retail_forecast.serving.deploy import Rollout
from retail_forecast.serving.processes import (
    HostInfo,
    read_token,
    running_host,
    serve_folder,
    start_host,
    stop_host,
)
from retail_forecast.serving.serve_api import ServeApi
from retail_forecast.settings import Settings
from retail_forecast.telemetry.logs import VARIABLE


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

    def status(self) -> EndpointStatus:
        """What is served now."""
        ...

    def stop(self) -> bool:
        """Ends it; whether it was running."""
        ...


@dataclass(frozen=True)
class RayServeEndpoint:
    """Ray Serve on this machine, in a process of its own that outlives the one that deploys."""

    settings: Settings
    timeout_seconds: float = 300

    def deploy(self, vintage_id: str) -> Deployment:
        """See Endpoint. Raises NotFoundError for a vintage that was never published."""
        read_vintage(open_lake(self.settings.lake), vintage_id)
        return self._deploy(vintage_id)

    def start(self) -> Deployment:
        """See Endpoint."""
        latest = latest_vintage(open_lake(self.settings.lake))
        return self._deploy(latest.id if latest is not None else None)

    def status(self) -> EndpointStatus:
        """See Endpoint."""
        info = running_host(serve_folder(self.settings))
        if info is None:
            return EndpointStatus("down", self.settings.api_url)
        report = _readyz(info.api_url)
        if report is None:
            return EndpointStatus("starting", info.api_url, pid=info.pid)
        named = {name: report[name] for name in ("wanted", "active", "model_version", "error")}
        return EndpointStatus(report["status"], info.api_url, pid=info.pid, **named)

    def stop(self) -> bool:
        """See Endpoint."""
        return stop_host(serve_folder(self.settings))

    def _deploy(self, vintage_id: str | None) -> Deployment:
        started = time.monotonic()
        info = self._host(vintage_id or "none")
        rollout = Rollout(
            api=ServeApi(info.rest_url, read_token(serve_folder(self.settings))),
            api_url=info.api_url,
            lake_url=self.settings.lake,
            replicas=self.settings.replicas,
            configure=lambda user_config: self._configure(info, user_config),
            timeout_seconds=self.timeout_seconds,
        )
        reports = rollout.run(vintage_id)
        version = next(iter(reports.values()))["model_version"]
        seconds = round(time.monotonic() - started, 3)
        return Deployment(info.api_url, vintage_id, version, len(reports), seconds)

    def _host(self, wanted: str) -> HostInfo:
        """The host, ready; one whose Ray no longer answers is replaced."""
        info = start_host(self.settings, wanted=wanted)
        if _ray_answers(info):
            return info
        self.stop()
        info = start_host(self.settings, wanted=wanted)
        if not _ray_answers(info):
            text = f"Ray's REST API at {info.rest_url} does not answer; see {serve_folder(self.settings)}/host.log."
            raise DeploymentError(text, wanted=wanted, active=None)
        return info

    def _configure(self, info: HostInfo, user_config: UserConfig) -> ServeConfig:
        # another version of the code restarts the replicas one after the other
        environment = {"RETAIL_FORECAST_CODE": __version__, "PROMETHEUS_MULTIPROC_DIR": info.metrics_folder}
        environment[VARIABLE] = self.settings.log_format
        return build_serve_config(
            user_config,
            host=info.host,
            port=info.api_port,
            replicas=self.settings.replicas,
            environment=environment,
            log_format=self.settings.log_format,
        )


def open_endpoint(settings: Settings) -> Endpoint:
    """The endpoint that the settings choose."""
    return RayServeEndpoint(settings)


def _readyz(api_url: str) -> dict[str, Any] | None:
    try:
        report: dict[str, Any] = httpx.get(f"{api_url}/readyz", trust_env=False, timeout=10).json()
    except (httpx.HTTPError, ValueError):
        return None
    return report if "replica" in report else None


def _ray_answers(info: HostInfo) -> bool:
    try:
        return httpx.get(f"{info.rest_url}/api/version", trust_env=False, timeout=20).status_code < 500
    except httpx.HTTPError:
        return False
