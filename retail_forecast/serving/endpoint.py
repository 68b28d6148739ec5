"""The endpoint on this machine, and which one the settings choose."""

from __future__ import annotations

import time
from dataclasses import dataclass

import httpx

from retail_forecast import __version__
from retail_forecast.errors import ConfigurationError, DeploymentError
from retail_forecast.lake import open_lake
from retail_forecast.lake.vintages import latest_vintage, read_vintage
from retail_forecast.patience import Patience
from retail_forecast.serving.config import SHORTCUT, Challenger, ServeConfig, UserConfig, build_serve_config
from retail_forecast.serving.deploy import Report, Rollout, Wanted
from retail_forecast.serving.port import (
    OBSERVE_SECONDS,
    Deployment,
    Endpoint,
    EndpointStatus,
    ask_status,
    require_active,
)
from retail_forecast.serving.processes import (
    HostInfo,
    read_token,
    running_host,
    serve_folder,
    start_host,
    stop_host,
)
from retail_forecast.serving.scale import Scale, read_scale, write_scale
from retail_forecast.serving.security.own_key import make_own_key, own_headers
from retail_forecast.serving.security.policy import auth_mode, replica_environment
from retail_forecast.serving.serve_api import ServeApi
from retail_forecast.settings import Settings
from retail_forecast.telemetry.logs import VARIABLE

_ANSWER_SECONDS = 20


@dataclass(frozen=True)
class RayServeEndpoint:
    """Ray Serve on this machine, in a process of its own that outlives the one that deploys."""

    settings: Settings
    timeout_seconds: float = 300

    def deploy(self, vintage_id: str) -> Deployment:
        """See Endpoint. Raises NotFoundError for a vintage that was never published."""
        read_vintage(open_lake(self.settings.lake), vintage_id)
        return self._change(Wanted(vintage_id))

    def start(self) -> Deployment:
        """See Endpoint."""
        latest = latest_vintage(open_lake(self.settings.lake))
        return self._change(Wanted(latest.id if latest is not None else None))

    def scale(self, least: int, most: int) -> Deployment | None:
        """See Endpoint. A host has room for a number of replicas that was fixed when it started."""
        wanted, info = Scale(least, most), running_host(serve_folder(self.settings))
        if info is not None and most > info.room:
            expected = f"{info.room} at most, which this host was started with room for; stop it, scale, and start it"
            raise ConfigurationError(key="replicas", found=most, expected=expected)
        write_scale(self.settings, wanted)
        status = self.status()
        return self._change(Wanted(status.active, status.challenger)) if info is not None else None

    def challenge(self, challenger: Challenger) -> Deployment:
        """See Endpoint."""
        read_vintage(open_lake(self.settings.lake), challenger.vintage)
        return self._change(Wanted(require_active(self.status(), challenger.vintage), challenger))

    def withdraw(self) -> Deployment:
        """See Endpoint."""
        return self._change(Wanted(require_active(self.status(), "none")))

    def observe(self) -> dict[str, Report]:
        """See Endpoint."""
        info = running_host(serve_folder(self.settings))
        return self._rollout(info, read_scale(self.settings)).reports(OBSERVE_SECONDS) if info is not None else {}

    def status(self) -> EndpointStatus:
        """See Endpoint."""
        info = running_host(serve_folder(self.settings))
        if info is None:
            return EndpointStatus("down", self.settings.api_url)
        return ask_status(info.api_url, pid=info.pid)

    def stop(self) -> bool:
        """See Endpoint."""
        return stop_host(serve_folder(self.settings))

    def _change(self, wanted: Wanted) -> Deployment:
        started = time.monotonic()
        auth_mode(self.settings)  # raises before anything is started
        make_own_key(self.settings)
        info, scale = self._host(wanted.name or "none"), read_scale(self.settings)
        reports = self._rollout(info, scale).run(wanted)
        version = next(iter(reports.values()))["model_version"]
        seconds = round(time.monotonic() - started, 3)
        return Deployment(info.api_url, wanted.vintage, version, len(reports), seconds)

    def _rollout(self, info: HostInfo, scale: Scale) -> Rollout:
        return Rollout(
            api=ServeApi(info.rest_url, read_token(serve_folder(self.settings))),
            api_url=info.api_url,
            lake_url=self.settings.lake,
            scale=scale,
            headers=own_headers(self.settings),
            configure=lambda user_config: self._configure(info, user_config, scale),
            timeout_seconds=self.timeout_seconds,
            on_this_machine=True,
        )

    def _host(self, wanted: str) -> HostInfo:
        """The host, ready; one whose Ray no longer answers is replaced."""
        info = start_host(self.settings, wanted=wanted, replicas=read_scale(self.settings).most)
        if _ray_answers(info):
            return info
        self.stop()
        info = start_host(self.settings, wanted=wanted, replicas=read_scale(self.settings).most)
        if not _ray_answers(info):
            text = f"Ray's REST API at {info.rest_url} does not answer; see {serve_folder(self.settings)}/host.log."
            raise DeploymentError(text, wanted=wanted, active=None)
        return info

    def _configure(self, info: HostInfo, user_config: UserConfig, scale: Scale) -> ServeConfig:
        # another version of the code restarts the replicas one after the other
        environment = {"RETAIL_FORECAST_CODE": __version__, "PROMETHEUS_MULTIPROC_DIR": info.metrics_folder}
        environment |= {VARIABLE: self.settings.log_format, **SHORTCUT, **replica_environment(self.settings)}
        return build_serve_config(
            user_config,
            host=info.serve_host,
            port=info.api_port,
            replicas=scale.least if scale.is_fixed else (scale.least, scale.most),
            environment=environment,
            log_format=self.settings.log_format,
        )


def open_endpoint(settings: Settings) -> Endpoint:
    """The endpoint that the settings choose."""
    if settings.endpoint == "kuberay":
        from retail_forecast.serving.kuberay import KubeRayEndpoint

        return KubeRayEndpoint(settings)
    return RayServeEndpoint(settings)


def _ray_answers(info: HostInfo) -> bool:
    """Whether Ray answers, sooner or later: replacing one that only waits for a processor makes it worse."""
    patience = Patience(_ANSWER_SECONDS)
    while not patience.is_over():
        try:
            url = f"{info.rest_url}/api/version"
            return httpx.get(url, trust_env=False, timeout=_ANSWER_SECONDS).status_code < 500
        except httpx.TimeoutException:
            continue
        except httpx.HTTPError:
            return False
    return False
