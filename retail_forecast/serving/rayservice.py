"""A RayService as the API server tells it, and the changes that are made to one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from retail_forecast.errors import ConfigurationError
from retail_forecast.serving.config import (
    APPLICATION,
    AutoscalingConfig,
    DeploymentConfig,
    ServeConfig,
    UserConfig,
    check_serve_config,
)
from retail_forecast.serving.scale import Scale
from retail_forecast.serving.serve_api import told_reason

Patch = list[dict[str, Any]]
"""A JSON patch."""

_TEXT = "/spec/serveConfigV2"


@dataclass(frozen=True)
class RayService:
    """One object, as it was read."""

    raw: Mapping[str, Any]

    @property
    def text(self) -> str:
        """serveConfigV2."""
        return str(self.raw["spec"].get("serveConfigV2", ""))

    @property
    def config(self) -> ServeConfig:
        """serveConfigV2, typed. Raises ConfigurationError naming what Ray would ignore."""
        try:
            parsed = yaml.safe_load(self.text)
        except yaml.YAMLError as error:
            raise ConfigurationError(key="serveConfigV2", found=self.text[:80], expected=f"YAML ({error})") from error
        return check_serve_config(parsed or {})

    @property
    def user_config(self) -> UserConfig:
        """What the replicas are told."""
        return self.config.applications[0].deployments[0].user_config

    @property
    def scale(self) -> Scale:
        """How many replicas there are to be."""
        deployment = self.config.applications[0].deployments[0]
        if (scaling := deployment.autoscaling_config) is not None:
            return Scale(scaling.min_replicas, scaling.max_replicas)
        return Scale(deployment.num_replicas or 1, deployment.num_replicas or 1)

    @property
    def image(self) -> str:
        """That of the Ray container of the head, which KubeRay takes to be the first."""
        return str(_pod_specs(self.raw)["headGroupSpec"]["containers"][0]["image"])

    @property
    def is_settled(self) -> bool:
        """Whether KubeRay has seen the last change and no second cluster is on its way."""
        seen = self._status.get("observedGeneration", 0) >= self.raw["metadata"].get("generation", 0)
        return seen and self.pending_cluster is None

    @property
    def pending_cluster(self) -> str | None:
        """Name of the RayCluster that is to take over."""
        return self._pending.get("rayClusterName") or None

    @property
    def pending_failure(self) -> str | None:
        """Why the application does not come up on that cluster; None while it may."""
        told = (self._pending.get("applicationStatuses") or {}).get(APPLICATION, {})
        if told.get("status") != "DEPLOY_FAILED":
            return None
        return told_reason(told, told.get("serveDeploymentStatuses") or {})

    def changed(self, user_config: UserConfig, scale: Scale) -> ServeConfig:
        """Its configuration with another user_config and so many replicas."""
        application = self.config.applications[0]
        deployment = _scaled(application.deployments[0], scale).model_copy(update={"user_config": user_config})
        return self.config.model_copy(
            update={"applications": [application.model_copy(update={"deployments": [deployment]})]}
        )

    def patch(self, config: ServeConfig, image: str) -> Patch:
        """What turns it into one with this configuration and image; void if somebody changed it meanwhile."""
        text = yaml.safe_dump(config.model_dump(exclude_none=True), sort_keys=False)
        changes = [_operation("test", _TEXT, self.text), _operation("replace", _TEXT, text)]
        for path, found in _images(self.raw):
            if found == self.image and found != image:
                changes += [_operation("test", path, found), _operation("replace", path, image)]
        return changes

    @property
    def _status(self) -> Mapping[str, Any]:
        return self.raw.get("status") or {}

    @property
    def _pending(self) -> Mapping[str, Any]:
        return self._status.get("pendingServiceStatus") or {}


def _scaled(deployment: DeploymentConfig, scale: Scale) -> DeploymentConfig:
    if scale.is_fixed:
        return deployment.model_copy(update={"num_replicas": scale.least, "autoscaling_config": None})
    before = deployment.autoscaling_config or AutoscalingConfig(min_replicas=1, max_replicas=1)
    scaling = before.model_copy(update={"min_replicas": scale.least, "max_replicas": scale.most})
    return deployment.model_copy(update={"num_replicas": None, "autoscaling_config": scaling})


def _operation(op: str, path: str, value: str) -> dict[str, str]:
    return {"op": op, "path": path, "value": value}


def _pod_specs(raw: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Path below rayClusterConfig to the pod's spec, of the head and every group of workers."""
    cluster = raw["spec"]["rayClusterConfig"]
    groups = {"headGroupSpec": cluster["headGroupSpec"]}
    groups |= {f"workerGroupSpecs/{n}": group for n, group in enumerate(cluster.get("workerGroupSpecs") or [])}
    return {path: group["template"]["spec"] for path, group in groups.items()}


def _images(raw: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(path, image) of every container, and of the autoscaler's beside the head."""
    found = []
    autoscaler = raw["spec"]["rayClusterConfig"].get("autoscalerOptions") or {}
    if "image" in autoscaler:
        found.append(("/spec/rayClusterConfig/autoscalerOptions/image", autoscaler["image"]))
    for path, spec in _pod_specs(raw).items():
        for kind in ("initContainers", "containers"):
            for n, container in enumerate(spec.get(kind) or []):
                found.append((f"/spec/rayClusterConfig/{path}/template/spec/{kind}/{n}/image", container["image"]))
    return found
