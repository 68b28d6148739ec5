"""A RayService as the chart makes it, small."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from retail_forecast.serving.config import UserConfig, build_serve_config
from retail_forecast_tests.infra.cluster import Cluster
from retail_forecast_tests.infra.cluster.operator import NAMESPACE
from retail_forecast_tests.infra.cluster.roles import Rule

IMAGE, NEXT_IMAGE = "serving:1", "serving:2"


def apply_rayservice(cluster: Cluster, user_config: UserConfig, *, replicas: int = 2) -> None:
    """What `helm install` does."""
    config = build_serve_config(user_config, host="0.0.0.0", port=8000, replicas=replicas, environment={})
    text = yaml.safe_dump(config.model_dump(exclude_none=True))
    body = {
        "metadata": {"name": "retail-forecast"},
        "spec": {"serveConfigV2": text, "rayClusterConfig": _ray_cluster()},
    }
    cluster.objects.create("rayservices", NAMESPACE, body)


def _ray_cluster() -> dict[str, Any]:
    head, worker = (
        {"template": {"spec": {"containers": [{"name": name, "image": IMAGE}]}}} for name in ("head", "worker")
    )
    groups = [{"groupName": "replicas", "minReplicas": 1, "maxReplicas": 3, **worker}]
    return {"autoscalerOptions": {"image": IMAGE}, "headGroupSpec": head, "workerGroupSpecs": groups}


def account_of_the_docs() -> dict[str, list[Rule]]:
    """The service account of the orchestrator with the Role that the documentation says is enough."""
    page = (Path(__file__).parents[2] / "docs" / "endpoint-on-kubernetes.md").read_text()
    (text,) = re.findall(r"```yaml\n(apiVersion: rbac.*?)```", page, re.DOTALL)
    return {"orchestrator": yaml.safe_load(text)["rules"]}
