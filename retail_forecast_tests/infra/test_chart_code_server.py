"""The code server's container, as the chart starts and asks it, started here."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("helm_python", reason="charts are rendered with the extra infra: make infra-test")
grpc = pytest.importorskip("grpc", reason="the extra orchestrator")
health = pytest.importorskip("grpc_health.v1.health_pb2", reason="the extra orchestrator")
stubs = pytest.importorskip("grpc_health.v1.health_pb2_grpc", reason="the extra orchestrator")

from retail_forecast_tests.infra.chart import Object, containers, named, rendered  # noqa: E402

_BOUND_SECONDS = 300


def code_server() -> Object:
    """The container."""
    (found,) = [one for who, one in containers(rendered("laptop")) if who.endswith("/code-server")]
    return found


def free_port() -> int:
    """One that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def started(port: int, home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The container's command with its settings, on another port and below `home`."""
    container = code_server()
    words = [*container["command"], *container["args"]]
    assert words[0] == "dagster"
    words = ["127.0.0.1" if word == "0.0.0.0" else str(port) if word == "3030" else word for word in words[1:]]
    settings = named(rendered("laptop"), "ConfigMap", "retail-forecast-settings")["data"]
    env = {**os.environ, **settings, "RETAIL_FORECAST_HOME": str(home), "DAGSTER_HOME": str(home)}
    server = subprocess.Popen([sys.executable, "-m", "dagster", *words], env=env, stdout=subprocess.DEVNULL)
    try:
        yield server
    finally:
        server.kill()
        server.wait()


@pytest.mark.slow
def test_it_starts_with_the_charts_settings_and_the_probe_finds_it_serving(tmp_path: Path) -> None:
    probe = code_server()["readinessProbe"]["grpc"]
    assert probe["port"] == 3030
    port, deadline = free_port(), time.monotonic() + _BOUND_SECONDS
    with started(port, tmp_path) as server, grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        answer = None
        while answer is None and time.monotonic() < deadline and server.poll() is None:
            try:
                asked = health.HealthCheckRequest(service=probe["service"])
                answer = stubs.HealthStub(channel).Check(asked, timeout=5)
            except grpc.RpcError:
                time.sleep(0.2)
    assert answer is not None
    assert answer.status == health.HealthCheckResponse.SERVING
