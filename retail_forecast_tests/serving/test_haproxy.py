"""The script that confines HAProxy, run on a configuration as Ray renders it."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from retail_forecast.serving.haproxy import claimed_ports, haproxy_environment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Ray brings HAProxy on Linux alone")

RENDERED = """global
    log 127.0.0.1:514 local0 info
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    log global
    errorfile 503 /tmp/none/500.http
frontend prometheus
    bind :{metrics}
    no log
frontend http_frontend
    bind 127.0.0.1:8123
    default_backend replicas
backend replicas
    http-request return status 200
listen stats
  bind *:{stats}
  stats enable
"""


def confined(folder: Path, host: str, extra: str = "") -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """(the run of HAProxy's own check after the script, the lines of the configuration that it checked)."""
    environment = haproxy_environment(folder, first_port=20_000, host=host, api_port=8123)
    config = folder / "haproxy.cfg"
    config.write_text(RENDERED.format(metrics=20_001, stats=20_002) + extra)
    script = environment["RAY_SERVE_HAPROXY_BINARY_PATH"]
    done = subprocess.run([script, "-c", "-f", str(config)], capture_output=True, text=True, check=False)
    return done, [line.strip() for line in config.read_text().splitlines()]


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "192.0.2.7", "::1"])
def test_only_the_api_may_listen_beyond_loopback(tmp_path: Path, host: str) -> None:
    done, lines = confined(tmp_path, host)
    assert done.returncode == 0, done.stderr
    public = f"[{host}]:8123" if ":" in host else f"{host}:8123"
    assert [line for line in lines if line.startswith("bind")] == [
        "bind 127.0.0.1:20001",
        f"bind {public}",
        "bind 127.0.0.1:20002",
    ]


def test_an_address_that_a_later_ray_opens_is_refused(tmp_path: Path) -> None:
    done, _ = confined(tmp_path, "127.0.0.1", extra="frontend more\n    bind :9999\n")
    assert done.returncode == 1
    assert "bind :9999" in done.stderr


def test_an_answer_that_no_replica_gives_is_a_problem_to_come_back_with(tmp_path: Path) -> None:
    _, lines = confined(tmp_path, "127.0.0.1")
    assert f"errorfile 503 {tmp_path}/503.http" in lines
    head, _, body = (tmp_path / "503.http").read_bytes().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503")
    assert b"Retry-After: 5\r\n" in head
    assert f"Content-Length: {len(body)}".encode() in head


def test_callers_get_no_log_line_and_little_time_for_their_headers(tmp_path: Path) -> None:
    _, lines = confined(tmp_path, "127.0.0.1")
    assert not any("514" in line for line in lines)
    assert "timeout http-request 15s" in lines


def test_two_homes_have_ports_of_their_own(tmp_path: Path) -> None:
    with claimed_ports() as first, claimed_ports() as second:
        assert second >= first + 64
        with socket.socket() as probe, pytest.raises(OSError, match="in use"):
            probe.bind(("127.0.0.1", first))
    with claimed_ports() as again:
        assert again <= second
