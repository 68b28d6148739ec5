"""A Ray cluster of two nodes with one core each, on this machine."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from retail_forecast.parallel.cluster import fixed_node

_ROOT = Path(__file__).parents[2]
_NODE: dict[str, Any] = {
    "num_cpus": 1,
    "include_dashboard": False,
    "object_store_memory": 80 * 1024**2,
    "memory": 4 * 1024**3,
}
_ENVIRONMENT = {
    "PYTHONPATH": str(_ROOT),
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_enable_metrics_collection": "0",
    "RAY_raylet_start_wait_time_s": "300",
    "RAY_agent_register_timeout_ms": "300000",
    "RAY_gcs_server_port_wait_time_s": "300",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


@contextmanager
def two_nodes(temp: Path) -> Iterator[str]:
    """The cluster's address, while it is up. `temp` is a short path for its sockets."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _ENVIRONMENT.items():
            patch.setenv(name, value)
        # it would tell every other Ray of this machine of the cluster
        patch.setattr("ray._private.utils.write_ray_address", lambda *_: None)
        cluster = _start(temp)
        try:
            yield str(cluster.address)
        finally:
            cluster.shutdown()


def _start(temp: Path) -> Any:
    from ray.cluster_utils import Cluster

    cluster: Any = Cluster()
    for _ in range(2):
        with fixed_node(temp), socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
            free.close()  # 8265 may be taken
            cluster.add_node(**_NODE, dashboard_port=port, temp_dir=str(temp))
    return cluster
