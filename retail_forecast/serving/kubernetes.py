"""The API server: what is asked of it, and what its refusals mean."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from retail_forecast.errors import ConfigurationError, KubernetesError
from retail_forecast.serving.rayservice import Patch, RayService

_KIND = {"group": "ray.io", "version": "v1", "plural": "rayservices"}
_RETRIED = (429, 500, 502, 503, 504)
_TIMEOUT_SECONDS = 30
_PAGE = "docs/endpoint-on-kubernetes.md"


@dataclass(frozen=True)
class RayServices:
    """One RayService of one namespace. Everything raises KubernetesError, which names the culprit and the fix."""

    namespace: str
    name: str

    def read(self) -> RayService:
        """It, with its status."""
        return RayService(self._call("get", lambda: self._objects.get_namespaced_custom_object(**self._where)))

    def patch(self, patch: Patch, *, dry_run: bool = False) -> RayService:
        """It, changed whole or not at all."""
        options = {"dry_run": "All"} if dry_run else {}
        call = self._objects.patch_namespaced_custom_object
        return RayService(self._call("patch", lambda: call(**self._where, body=patch, **options)))

    def pod_troubles(self, cluster: str) -> list[str]:
        """Why pods of a RayCluster do not run, a sentence each."""
        selector = f"ray.io/cluster={cluster}"
        pods = self._call(
            "list",
            lambda: self._core.list_namespaced_pod(
                self.namespace, label_selector=selector, _request_timeout=_TIMEOUT_SECONDS
            ),
            resource="pods",
        )
        return [trouble for pod in pods.items for trouble in _troubles(pod)]

    @property
    def _where(self) -> dict[str, Any]:
        return {**_KIND, "namespace": self.namespace, "name": self.name, "_request_timeout": _TIMEOUT_SECONDS}

    @cached_property
    def _objects(self) -> Any:
        from kubernetes import client

        return client.CustomObjectsApi(_open_client())

    @cached_property
    def _core(self) -> Any:
        from kubernetes import client

        return client.CoreV1Api(_open_client())

    def _call(self, verb: str, call: Callable[[], Any], *, resource: str = "rayservices") -> Any:
        try:
            import kubernetes
            import urllib3
        except ImportError as error:
            raise ConfigurationError(
                key="RETAIL_FORECAST_ENDPOINT", found="kuberay", expected="local, or an installation with the extra k8s"
            ) from error
        what = f"{verb} {resource} {self.name!r} in namespace {self.namespace!r}"
        try:
            return call()
        except kubernetes.client.ApiException as error:
            raise _refusal(what, verb, resource, error) from error
        except urllib3.exceptions.HTTPError as error:
            fix = "Is the cluster up, and does KUBECONFIG name the right one?"
            raise KubernetesError(what, status=0, message=f"no answer: {error}", fix=fix) from error


def _open_client() -> Any:
    """A client by the pod's service account, else by the kubeconfig. Raises ConfigurationError without either."""
    from kubernetes import client, config

    configuration, where = client.Configuration(), os.environ.get("KUBECONFIG")
    try:
        if "KUBERNETES_SERVICE_HOST" in os.environ:
            config.load_incluster_config(client_configuration=configuration)
        else:
            config.load_kube_config(where, client_configuration=configuration)
    except (config.ConfigException, OSError) as error:
        expected = f"a cluster's kubeconfig ({error})"
        raise ConfigurationError(key="KUBECONFIG", found=where or "~/.kube/config", expected=expected) from error
    return client.ApiClient(configuration)


def _refusal(what: str, verb: str, resource: str, error: Any) -> KubernetesError:
    message = _message(error)
    group = '[""]' if resource == "pods" else "[ray.io]"
    fixes = {
        401: "The service account's token, or the kubeconfig's user, is not accepted: renew it.",
        403: f"The Role of this service account lacks the rule {{apiGroups: {group}, resources: [{resource}], "
        f"verbs: [{verb}]}}; {_PAGE} has the whole Role.",
        404: "Install the chart (it brings the RayService), and KubeRay's operator before it; "
        "RETAIL_FORECAST_RAYSERVICE and RETAIL_FORECAST_KUBERNETES_NAMESPACE say where it is looked for.",
        409: "Somebody changed it at the same moment: run it again.",
        422: "Somebody changed it at the same moment, or the change is none that KubeRay takes: run it again.",
    }
    fix = fixes.get(error.status, "Run it again; if it stays, look at the API server.")
    return KubernetesError(what, status=error.status, message=message, fix=fix)


def is_passing(error: KubernetesError) -> bool:
    """Whether the same call may succeed a moment later."""
    return error.status == 0 or error.status in _RETRIED


def _message(error: Any) -> str:
    try:
        return str(json.loads(error.body)["message"])
    except (ValueError, TypeError, KeyError):
        return str(error.reason)


def _troubles(pod: Any) -> Iterator[str]:
    name = pod.metadata.name
    for one in pod.status.conditions or []:
        if one.type == "PodScheduled" and one.status == "False":
            yield f"Pod {name} finds no node: {one.message}."
    for container in [*(pod.status.init_container_statuses or []), *(pod.status.container_statuses or [])]:
        state = container.state.waiting or container.state.terminated if container.state else None
        if state is not None and state.reason not in ("ContainerCreating", "PodInitializing", "Completed"):
            yield f"Pod {name}, image {container.image}: {state.reason}: {state.message or 'nothing more is said'}."
