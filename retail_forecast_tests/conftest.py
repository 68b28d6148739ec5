"""No test leaves this machine (no proxy, no credentials, no connection but to itself) or follows its settings."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

# Before any import of ray, mlflow, dagster or an object store, which read these once.
os.environ |= {
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "127.0.0.1,localhost",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "ap-southeast-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "DAGSTER_DISABLE_TELEMETRY": "yes",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "RAY_USAGE_STATS_ENABLED": "0",
    "DO_NOT_TRACK": "1",
}
for name in [name for name in os.environ if name.startswith("RETAIL_FORECAST_") or name == "AWS_ENDPOINT_URL"]:
    del os.environ[name]  # the settings of whoever runs the tests

from retail_forecast_tests.aws_cloud import aws_cloud, running_cloud  # noqa: E402, F401 - fixtures for every room


def is_this_machine(address: Any) -> bool:
    """Whether a socket address is loopback, a Unix path, or an interface of this machine (Ray's node address)."""
    if not isinstance(address, tuple):
        return True
    host = str(address[0])
    if host in ("localhost", "::1") or host.startswith("127."):
        return True
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True


@pytest.fixture(autouse=True, scope="session")
def loopback_only() -> Iterator[None]:
    """Connections elsewhere fail; a datagram socket may "connect", which sends nothing (Ray asks its address so)."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def guard(sock: socket.socket, address: Any) -> None:
        if sock.type & socket.SOCK_STREAM and not sock.type & socket.SOCK_DGRAM and not is_this_machine(address):
            raise AssertionError(f"a test tried to connect to {address}; tests stay on this machine")

    def guarded_connect(sock: socket.socket, address: Any) -> None:
        guard(sock, address)
        connect(sock, address)

    def guarded_connect_ex(sock: socket.socket, address: Any) -> int:
        guard(sock, address)
        return connect_ex(sock, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        yield
