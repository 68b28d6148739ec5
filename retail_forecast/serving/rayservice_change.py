"""One change of a RayService: made by a patch, believed when every replica says so, taken back when one does not."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from retail_forecast.errors import DeploymentError, KubernetesError, RetailForecastError
from retail_forecast.serving.config import ServeConfig
from retail_forecast.serving.deploy import ROLLBACK_SECONDS, Report, Rollout, Wanted
from retail_forecast.serving.kubernetes import RayServices, is_passing
from retail_forecast.serving.rayservice import RayService
from retail_forecast.serving.serve_api import ApplicationState, ServeApi


@dataclass
class RayServiceControl:
    """A ServeControl that patches a RayService; KubeRay hands its configuration on.

    base: the object as it was last read or written, against which the next patch is made. image: what it is to run.
    """

    rayservice: RayServices
    serve: ServeApi
    base: RayService
    image: str

    @property
    def url(self) -> str:
        """See ServeControl."""
        return self.serve.url

    def put(self, config: ServeConfig) -> None:
        """See ServeControl. Raises KubernetesError."""
        self.base = self.rayservice.patch(self.base.patch(config, self.image))

    def state(self) -> ApplicationState:
        """See ServeControl. Running replicas count once KubeRay has handed on what was put. Raises KubernetesError."""
        try:
            service = self.rayservice.read()
            if not service.is_settled:
                return _upgrading(service)
            state = self.serve.state()
        except KubernetesError as error:
            if not is_passing(error):
                raise
            return ApplicationState("UNKNOWN", str(error))
        except httpx.HTTPError as error:
            advice = "does a NetworkPolicy let this pod reach it?"
            return ApplicationState("UNKNOWN", f"{self.url} gives no answer ({error!r}): {advice}")
        if state.request != self.base.user_config.request:
            return ApplicationState(state.status, "KubeRay has not handed it on; the log of its operator says why")
        return state


def _upgrading(service: RayService) -> ApplicationState:
    if (failure := service.pending_failure) is not None:
        return ApplicationState("DEPLOY_FAILED", failure)
    if service.pending_cluster is None:
        return ApplicationState("UNKNOWN", "KubeRay has not looked at it; is its operator running?")
    return ApplicationState("UPGRADING", f"KubeRay is bringing up the cluster {service.pending_cluster}")


@dataclass(frozen=True)
class RayServiceChange:
    """A change from `before`; `forth` and `back` tell the replicas."""

    control: RayServiceControl
    before: RayService
    forth: Rollout
    back: Rollout

    def make(self, wanted: Wanted) -> dict[str, Report]:
        """Each replica's report. Raises DeploymentError once the change was taken back, KubernetesError before it."""
        previous = self.forth.active()
        try:
            return self.forth.attempt(wanted, previous)
        except (DeploymentError, KubernetesError) as error:
            if self.control.base is self.before:
                raise
            reason = error.reason if isinstance(error, DeploymentError) else str(error)
            text = " ".join([reason, *self._troubles(), self._take_back(previous)])
            raise DeploymentError(text, wanted=wanted.name, active=self.forth.active()) from error

    def _take_back(self, previous: str | None) -> str:
        """Patches the RayService to what it was; a sentence on what came of it."""
        rolled, vintage = self.control.image != self.before.image, self.before.user_config.vintage or previous
        self.control.image = self.before.image
        try:
            if rolled:  # the old cluster was never told anything else
                self.back.put(Wanted(vintage), fallback=None)
                return f"The RayService was set back to image {self.before.image!r}; its old cluster went on answering."
            seconds = min(ROLLBACK_SECONDS, self.back.timeout_seconds)
            self.back.tell(Wanted(vintage), fallback=None, seconds=seconds)
        except RetailForecastError as error:
            return f"It could not be taken back: {error}"
        return f"All replicas were sent back to {vintage!r}."

    def _troubles(self) -> list[str]:
        """Why pods of a new image's cluster do not run."""
        if self.control.image == self.before.image:
            return []
        try:
            cluster = self.control.rayservice.read().pending_cluster
            return self.control.rayservice.pod_troubles(cluster) if cluster is not None else []
        except KubernetesError as error:
            return [f"Its pods could not be looked at: {error}"]
