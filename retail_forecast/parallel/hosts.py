"""Ray over the hosts of one training job: a head on the first, the others join it and help until it is done.

The hosts share no files. A shard finds its inputs on every host at the same path, and what it writes (its `outputs`)
comes back to the head with its result.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from retail_forecast.errors import TrainingError
from retail_forecast.parallel.cluster import cores
from retail_forecast.parallel.environment import ray_environment
from retail_forecast.parallel.given import SETTING

PORT = 6379
_PATIENCE_SECONDS = 600
_OBJECT_STORE_BYTES = 1024**3
_AGENT_PORTS = {
    "--dashboard-agent-listen-port": 6380,
    "--dashboard-agent-grpc-port": 6381,
    "--runtime-env-agent-port": 6382,
    "--metrics-export-port": 6383,
}  # told beforehand: https://github.com/ray-project/ray/issues/65983

hosts_in_cluster: ContextVar[int] = ContextVar("hosts_in_cluster", default=1)
"""How many hosts without common files the cluster of this job has; 1 outside of `cluster_of_hosts`."""


@contextmanager
def cluster_of_hosts(hosts: Sequence[str], *, secret: str) -> Iterator[None]:
    """On the first host: shards run on all of them inside the block. `secret` keeps other jobs' hosts out."""
    os.environ |= _environment(secret)
    address = f"{socket.gethostbyname(hosts[0])}:{PORT}"
    mark = hosts_in_cluster.set(len(hosts))
    with _ray("--head", f"--port={PORT}", "--include-dashboard=false", own=hosts[0]) as process:
        _await_head(hosts[0], process)
        os.environ[SETTING] = address
        try:
            yield
        finally:
            del os.environ[SETTING]
            hosts_in_cluster.reset(mark)


def help_head(head: str, here: str, *, secret: str) -> None:
    """On any other host: joins the head's cluster and returns when the head is gone."""
    os.environ |= _environment(secret)
    _await_head(head)
    with _ray(f"--address={socket.gethostbyname(head)}:{PORT}", own=here) as process:
        while process.poll() is None and _answers(head):
            time.sleep(1)


@contextmanager
def _ray(*arguments: str, own: str) -> Iterator[subprocess.Popen[bytes]]:
    """Ray's processes on this host, as children of `ray start`, which takes them with it."""
    folder = Path(tempfile.mkdtemp(prefix="rf-host-", dir="/tmp" if Path("/tmp").is_dir() else None))  # noqa: S108
    ports = [f"{name}={port}" for name, port in _AGENT_PORTS.items()]
    sizes = [f"--num-cpus={cores()}", "--num-gpus=0", f"--object-store-memory={_OBJECT_STORE_BYTES}"]
    place = [f"--temp-dir={folder}"] if "--head" in arguments else []
    start = [sys.executable, "-m", "retail_forecast.parallel.start_ray", socket.gethostbyname(own)]
    command = [*start, "--block", "--disable-usage-stats"]
    with (folder / "start.log").open("wb") as log:
        process = subprocess.Popen([*command, *arguments, *place, *sizes, *ports], stdout=log, stderr=log)
    try:
        yield process
        if process.poll() not in (None, 0):
            tail = (folder / "start.log").read_text(errors="replace")[-2000:]
            raise TrainingError(f"Ray ended on host {own} with status {process.returncode}.", log_tail=tail)
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _await_head(head: str, process: subprocess.Popen[bytes] | None = None) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while not _answers(head):
        ended = process is not None and process.poll() is not None
        if ended or time.monotonic() > until:
            why = "Ray did not start there" if ended else f"no Ray answered within {_PATIENCE_SECONDS} s"
            raise TrainingError(f"Host {head}, the head of this job: {why}. Do the job's hosts reach each other?")
        time.sleep(0.5)


def _answers(host: str) -> bool:
    try:
        socket.create_connection((host, PORT), timeout=5).close()
    except OSError:
        return False
    return True


def _environment(secret: str) -> dict[str, str]:
    token = hashlib.sha256(secret.encode()).hexdigest()
    return {**ray_environment(patience_seconds=300), "RAY_AUTH_TOKEN": token}
