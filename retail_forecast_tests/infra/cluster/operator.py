"""KubeRay's reconciliation of a RayService, as ray-operator/controllers/ray/rayservice_controller.go has it:

a change of serveConfigV2 alone goes to the active cluster; a change of the cluster's spec brings up a pending one,
which alone is told of serveConfigV2 from then on; once its application runs, the services point to it and it is the
active one; a spec that goes back meanwhile brings up another pending cluster. The replaced cluster ends later.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from retail_forecast.serving.config import APPLICATION
from retail_forecast_tests.infra.cluster.objects import Object, Objects
from retail_forecast_tests.infra.cluster.ray_cluster import RayCluster

NAMESPACE = "retail-forecast"
_DELETION_DELAY_SECONDS = 5.0


@dataclass
class Operator:
    """Looks at every RayService over and over. images: those that can be pulled, with what is special of them.

    point_services_to: told the cluster that answers from now on.
    """

    objects: Objects
    folder: Path
    images: Mapping[str, dict[str, str]]
    point_services_to: Callable[[RayCluster], None]
    poll_seconds: float = 0.2
    clusters: dict[str, RayCluster | None] = field(default_factory=dict)
    specs: dict[str, str] = field(default_factory=dict)
    doomed: dict[str, float] = field(default_factory=dict)
    _end: threading.Event = field(default_factory=threading.Event)
    paused: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Until `end`."""
        while not self._end.wait(self.poll_seconds):
            if self.paused.is_set():
                continue
            for service in self.objects.select("rayservices", NAMESPACE):
                status = self._reconcile(service)
                self.objects.set_status("rayservices", NAMESPACE, service["metadata"]["name"], status)
            self._clean_up()

    def end(self) -> None:
        """It looks no more."""
        self._end.set()

    def close(self) -> None:
        """Ends the clusters."""
        for cluster in self.clusters.values():
            if cluster is not None:
                cluster.stop()

    def _reconcile(self, service: Object) -> Object:
        status = {"activeServiceStatus": {}, "pendingServiceStatus": {}, **service["status"]}
        active, pending = (status[f"{which}ServiceStatus"].get("rayClusterName") for which in ("active", "pending"))
        goal = _fingerprint(service["spec"]["rayClusterConfig"])
        if pending is not None and pending not in self.clusters:
            self._bring_up(pending, goal, service)
        in_charge = pending or active
        applications: Object = {}
        if in_charge is not None and self.specs[in_charge] == goal:
            applications = self._serve(in_charge, service)
        told = {"rayClusterName": in_charge, "applicationStatuses": applications}
        if pending is not None:
            status["pendingServiceStatus"] = told
            if applications.get(APPLICATION, {}).get("status") == "RUNNING":
                status |= {"activeServiceStatus": told, "pendingServiceStatus": {}}
                self._switch(pending)
        elif active is not None:
            status["activeServiceStatus"] = told
        latest = status["pendingServiceStatus"].get("rayClusterName") or status["activeServiceStatus"].get(
            "rayClusterName"
        )
        if latest is None or self.specs.get(latest) != goal:
            name = f"{service['metadata']['name']}-{uuid.uuid4().hex[:5]}"
            status["pendingServiceStatus"] = {"rayClusterName": name}
        kept = {status[f"{which}ServiceStatus"].get("rayClusterName") for which in ("active", "pending")}
        self._doom(set(self.clusters) - kept)
        return {**status, "observedGeneration": service["metadata"]["generation"]}

    def _bring_up(self, name: str, goal: str, service: Object) -> None:
        container = service["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["containers"][0]
        image, self.specs[name] = container["image"], goal
        known = image in self.images
        self.clusters[name] = RayCluster(name, self.images[image], self.folder / name) if known else None
        pulling = {"waiting": {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{image}"'}}
        state = {"running": {}} if known else pulling
        self.objects.create("pods", NAMESPACE, _head_pod(name, container, state))

    def _serve(self, name: str, service: Object) -> Object:
        """Hands serveConfigV2 on if it is another one, and tells what Serve says."""
        cluster, text = self.clusters[name], service["spec"]["serveConfigV2"]
        if cluster is None:
            return {}
        try:
            application = cluster.application()
            if cluster.accepted != text or not application:
                cluster.put(yaml.safe_load(text), text)
                return {}
        except httpx.HTTPError:
            return {}
        told, deployments = _status_of(application), application["deployments"]
        statuses = {name: _status_of(one) for name, one in deployments.items()}
        return {APPLICATION: {**told, "serveDeploymentStatuses": statuses}}

    def _switch(self, name: str) -> None:
        cluster = self.clusters[name]
        if cluster is not None:
            self.point_services_to(cluster)

    def _doom(self, names: set[str]) -> None:
        for name in names:
            self.doomed.setdefault(name, time.monotonic() + _DELETION_DELAY_SECONDS)

    def _clean_up(self) -> None:
        for name in [name for name, when in self.doomed.items() if time.monotonic() > when]:
            del self.doomed[name]
            cluster = self.clusters.pop(name)
            self.objects.delete("pods", NAMESPACE, f"{name}-head")
            if cluster is not None:
                threading.Thread(target=cluster.stop, daemon=True).start()


def _status_of(told: Object) -> Object:
    return {"status": told["status"], "message": told["message"]}


def _fingerprint(spec: Object) -> str:
    """Of what makes another cluster; how many workers there are does not."""
    muted = ("replicas", "minReplicas", "maxReplicas")
    groups = [{k: v for k, v in one.items() if k not in muted} for one in spec.get("workerGroupSpecs", [])]
    return json.dumps({**spec, "workerGroupSpecs": groups}, sort_keys=True)


def _head_pod(cluster: str, container: Object, state: Any) -> Object:
    labels = {"ray.io/cluster": cluster, "ray.io/node-type": "head"}
    told = {"name": container["name"], "image": container["image"], "imageID": "", "ready": False, "restartCount": 0}
    status = {"phase": "Pending", "containerStatuses": [{**told, "state": state}]}
    return {
        "metadata": {"name": f"{cluster}-head", "labels": labels},
        "spec": {"containers": [container]},
        "status": status,
    }
