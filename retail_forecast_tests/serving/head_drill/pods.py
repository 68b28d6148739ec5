"""Pods without Kubernetes: each has a network card, an address and a process table of its own, and dies as a whole.

Has to run where `unshare --user --map-root-user --net --mount --pid --fork --mount-proc --kill-child` put it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from retail_forecast.parallel.environment import import_path
from retail_forecast_tests.serving.head_drill.ray_node import GCS_PORT

HERE, HEAD, WORKER = "10.77.0.1", "10.77.0.2", "10.77.0.3"
_MODULE = "retail_forecast_tests.serving.head_drill.ray_node"


def run(command: str) -> None:
    """Runs a command that must succeed."""
    subprocess.run(command.split(), check=True)


def connect(*addresses: str) -> None:
    """A bridge with this process at HERE, and a namespace with a card on it for each address, called like it."""
    Path("/run/netns").mkdir(exist_ok=True)
    for command in (
        "mount -t tmpfs tmpfs /run/netns",
        "ip link set lo up",
        "ip link add br0 type bridge",
        f"ip address add {HERE}/24 dev br0",
        "ip link set br0 up",
    ):
        run(command)
    for number, address in enumerate(addresses):
        run(f"ip netns add {address}")
        run(f"ip link add card{number} type veth peer name eth0 netns {address}")
        run(f"ip link set card{number} master br0 up")
        run(f"ip -n {address} address add {address}/24 dev eth0")
        for card in ("eth0", "lo"):
            run(f"ip -n {address} link set {card} up")


@dataclass
class Pod:
    """The Ray container of a pod at `address`. folder: its /tmp, and what Ray writes."""

    address: str
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts its container, and another one after `kill`."""
        for name in ("tmp", "ray", "h"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        space = f"ip netns exec {self.address} unshare --pid --fork --kill-child --mount-proc"
        arguments = [self.address, str(self.folder / "ray"), *([] if self.address == HEAD else [HEAD])]
        with (self.folder / "node.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*space.split(), sys.executable, "-m", _MODULE, *arguments],
                env={**os.environ, **self._environment()},
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """SIGKILL to all its processes at once: they are of the namespace whose first one dies with its parent."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def _environment(self) -> dict[str, str]:
        """As the chart and, for a head that is remembered, KubeRay set it; paths apart, for pods share this disk."""
        haproxy = self.folder / "h"
        return {
            "PYTHONPATH": import_path(),
            "TMPDIR": str(self.folder / "tmp"),
            "RAY_AUTH_MODE": "disabled",
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
            "RAY_SERVE_ENABLE_HA_PROXY": "1",
            "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
            "RAY_SERVE_HAPROXY_RETRY_ON": "conn-failure empty-response",
            "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(haproxy / "haproxy.cfg"),
            "RAY_SERVE_HAPROXY_SOCKET_PATH": str(haproxy / "admin.sock"),
            "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(haproxy / "m.sock"),
            "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(haproxy),
            "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(haproxy / "server-state"),
            "OMP_NUM_THREADS": "1",
            "POLARS_MAX_THREADS": "2",
            "RAY_external_storage_namespace": "drill",
            **_PATIENCE,
            **({"RAY_REDIS_ADDRESS": f"{HERE}:{GCS_PORT}"} if self.address == HEAD else _REMEMBERED),
        }


# Workers wait for another head so long, and no less: KubeRay's own value.
_REMEMBERED = {"RAY_gcs_rpc_server_reconnect_timeout_s": "600"}

_PATIENCE = {
    "RAY_raylet_start_wait_time_s": "300",
    "RAY_agent_register_timeout_ms": "300000",
    "RAY_gcs_server_port_wait_time_s": "300",
    "RAY_DASHBOARD_STARTUP_TIMEOUT_S": "300",
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "300",
    "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "60",
}
