"""The cluster as a whole: started for a test, and ended with everything that it started."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
import yaml

from retail_forecast_tests.infra.cluster.api import build_api
from retail_forecast_tests.infra.cluster.jobs import Jobs
from retail_forecast_tests.infra.cluster.objects import Objects
from retail_forecast_tests.infra.cluster.operator import Operator
from retail_forecast_tests.infra.cluster.ray_cluster import RayCluster
from retail_forecast_tests.infra.cluster.roles import Rule
from retail_forecast_tests.infra.cluster.services import Forwarder
from retail_forecast_tests.serving.world import free_port, until


@dataclass
class Cluster:
    """A running cluster. roles: rules by service account; others may do anything. calls: (account, verb, what)."""

    folder: Path
    objects: Objects
    jobs: Jobs
    operator: Operator
    serve: Forwarder
    port: int
    roles: dict[str, list[Rule]] = field(default_factory=dict)
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    active: RayCluster | None = None

    @property
    def url(self) -> str:
        """The API server."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def head_url(self) -> str:
        """What the head Service is in a cluster."""
        return f"{self.url}/services/head"

    @property
    def serve_url(self) -> str:
        """What the serve Service is in a cluster."""
        return f"http://127.0.0.1:{self.serve.port}"

    def point_services_to(self, cluster: RayCluster) -> None:
        """New connections go there."""
        self.active, self.serve.target = cluster, cluster.api_port

    def kubeconfig(self, account: str = "anybody") -> Path:
        """A kubeconfig of a service account."""
        where = self.folder / f"kubeconfig-{account}"
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "here", "cluster": {"server": self.url}}],
            "users": [{"name": account, "user": {"token": account}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": account}}],
            "current-context": "here",
        }
        where.write_text(yaml.safe_dump(content))
        return where


@contextmanager
def run_cluster(
    folder: Path,
    *,
    environment: Mapping[str, str] | None = None,
    images: Mapping[str, dict[str, str]] | None = None,
) -> Iterator[Cluster]:
    """A cluster whose containers find `environment`, and whose nodes can pull `images` (see Operator)."""
    folder.mkdir(parents=True, exist_ok=True)
    objects, serve = Objects(), Forwarder()
    jobs = Jobs(objects, folder, dict(environment or {}))
    operator = Operator(objects, folder, images or {}, lambda one: cluster.point_services_to(one))
    cluster = Cluster(folder, objects, jobs, operator, serve, free_port())
    config = uvicorn.Config(
        build_api(cluster), host="127.0.0.1", port=cluster.port, log_level="warning", lifespan="off"
    )
    server = uvicorn.Server(config)
    threads = [
        threading.Thread(target=asyncio.run, args=(_serve(server, serve),)),
        threading.Thread(target=operator.run),
    ]
    for thread in threads:
        thread.start()
    try:
        until(lambda: server.started and serve.port > 0, seconds=30)
        yield cluster
    finally:
        operator.end()
        jobs.close()
        server.should_exit = True
        for thread in threads:
            thread.join(timeout=60)
        operator.close()


async def _serve(server: uvicorn.Server, forwarder: Forwarder) -> None:
    async with await forwarder.start():
        await server.serve()
