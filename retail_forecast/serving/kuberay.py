"""The endpoint of a cluster: a RayService of KubeRay, which Helm created, is told what to serve."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import cached_property

from retail_forecast.lake import open_lake
from retail_forecast.lake.vintages import latest_vintage, read_vintage
from retail_forecast.serving.config import Challenger
from retail_forecast.serving.deploy import Report, Rollout, Wanted
from retail_forecast.serving.kubernetes import RayServices
from retail_forecast.serving.port import OBSERVE_SECONDS, Deployment, EndpointStatus, ask_status, require_active
from retail_forecast.serving.rayservice_change import RayServiceChange, RayServiceControl
from retail_forecast.serving.scale import Scale
from retail_forecast.serving.security.own_key import own_headers
from retail_forecast.serving.serve_api import ServeApi
from retail_forecast.settings import Settings


@dataclass(frozen=True)
class KubeRayEndpoint:
    """See Endpoint. Every change is one patch of the RayService, and is taken back by another when it fails."""

    settings: Settings
    poll_seconds: float = 0.5

    def deploy(self, vintage_id: str) -> Deployment:
        """See Endpoint. Rolls to RETAIL_FORECAST_SERVING_IMAGE, too, where another one runs.

        Raises NotFoundError for a vintage that was never published, KubernetesError when the cluster refuses.
        """
        read_vintage(open_lake(self.settings.lake), vintage_id)
        return self._change(Wanted(vintage_id))

    def start(self) -> Deployment:
        """See Endpoint. The RayService itself is Helm's to create."""
        latest = latest_vintage(open_lake(self.settings.lake))
        return self._change(Wanted(latest.id if latest is not None else None))

    def scale(self, least: int, most: int) -> Deployment:
        """See Endpoint. More replicas than the cluster has room for are taken back when the time is up."""
        status = self.status()
        return self._change(Wanted(status.active, status.challenger), Scale(least, most))

    def challenge(self, challenger: Challenger) -> Deployment:
        """See Endpoint."""
        read_vintage(open_lake(self.settings.lake), challenger.vintage)
        return self._change(Wanted(require_active(self.status(), challenger.vintage), challenger))

    def withdraw(self) -> Deployment:
        """See Endpoint."""
        return self._change(Wanted(self.status().active))

    def observe(self) -> dict[str, Report]:
        """See Endpoint."""
        before = self.rayservice.read()
        control = RayServiceControl(self.rayservice, self._serve, before, before.image)
        return self._rollout(control, before.scale).reports(OBSERVE_SECONDS)

    def status(self) -> EndpointStatus:
        """See Endpoint. Asks the API, which needs no permission in the cluster."""
        return ask_status(self.settings.api_url)

    def stop(self) -> bool:
        """See Endpoint."""
        return False

    @cached_property
    def rayservice(self) -> RayServices:
        """The RayService that the settings name."""
        return RayServices(self.settings.kubernetes_namespace, self.settings.rayservice)

    def _change(self, wanted: Wanted, scale: Scale | None = None) -> Deployment:
        started, before = time.monotonic(), self.rayservice.read()
        control = RayServiceControl(self.rayservice, self._serve, before, self.settings.serving_image or before.image)
        forth, back = (self._rollout(control, one) for one in (scale or before.scale, before.scale))
        reports = RayServiceChange(control, before, forth, back).make(wanted)
        version = next(iter(reports.values()))["model_version"]
        url = self.settings.public_api_url or self.settings.api_url
        return Deployment(url, wanted.vintage, version, len(reports), round(time.monotonic() - started, 3))

    def _rollout(self, control: RayServiceControl, scale: Scale) -> Rollout:
        return Rollout(
            api=control,
            api_url=self.settings.api_url,
            lake_url=self.settings.lake,
            scale=scale,
            headers=own_headers(self.settings),
            # what cannot answer is not switched to when a new cluster comes up
            configure=lambda told: control.base.changed(told.model_copy(update={"required": True}), scale),
            timeout_seconds=self.settings.endpoint_timeout_seconds,
            poll_seconds=self.poll_seconds,
        )

    @property
    def _serve(self) -> ServeApi:
        head = f"http://{self.settings.rayservice}-head-svc.{self.settings.kubernetes_namespace}:8265"
        return ServeApi(self.settings.ray_url or head, os.environ.get("RAY_AUTH_TOKEN", ""))
