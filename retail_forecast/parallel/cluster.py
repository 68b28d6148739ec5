"""A Ray cluster on this machine for the time of one call, which joins no other and which nothing else can join."""

from __future__ import annotations

import fcntl
import importlib
import logging
import os
import secrets
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from retail_forecast.errors import TrainingError
from retail_forecast.parallel.environment import ray_environment

INSIDE_SHARD = "RETAIL_FORECAST_INSIDE_SHARD"
"""The environment variable that marks a worker."""

LOOPBACK = "127.0.0.1"
_OBJECT_STORE_BYTES = 80 * 1024**2  # Ray's least is 75 MiB; results are small
_AGENT_PORTS = ("metrics_agent_port", "dashboard_agent_listen_port", "runtime_env_agent_port", "metrics_export_port")


def cores() -> int:
    """The cores that this process may use (affinity, hence a container's cpuset, counts)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def refuse_second_cluster() -> None:
    """Raises TrainingError in a process that belongs to a Ray cluster."""
    import ray

    if ray.is_initialized():
        raise TrainingError(
            "This process already belongs to a Ray cluster, and shards join one for themselves. "
            "Call map_shards from another process, or with workers=1."
        )


@contextmanager
def private_cluster(workers: int) -> Iterator[None]:
    """Ray is up inside the block, on `workers` cores of this machine, and gone after it."""
    import ray

    with cluster_folder() as folder:
        try:
            with _environment(_cluster_environment(workers)):
                _reread_environment()
                _start(workers, folder)
            yield
        finally:
            family = _family(folder)  # its agents outlive their parent by a moment, in which they still write
            ray.shutdown()
            _stop(family)
            _reread_environment()


def _start(workers: int, folder: Path) -> None:
    import ray

    try:
        with fixed_node(folder):
            ray.init(
                address="local",
                num_cpus=workers,
                num_gpus=0,
                include_dashboard=False,
                object_store_memory=_OBJECT_STORE_BYTES,
                logging_level=logging.WARNING,
                _temp_dir=str(folder),
            )
    except Exception as error:
        raise TrainingError(f"Ray did not start: {error} Is the machine very busy? Or set workers to 1.") from error


@contextmanager
def fixed_node(folder: Path, address: str = LOOPBACK) -> Iterator[None]:
    """Tells Ray's node its address and the ports of its agents, which ray.init cannot; and starts no autoscaler.

    Otherwise Ray asks the kernel which address leads to 8.8.8.8, and says so where none does. Nobody else has to reach
    a node of one machine, so it is loopback's.

    Without ports the node waits for the files in which the agents write them, and dies when that takes more than 15 s:
    https://github.com/ray-project/ray/issues/65983. For one of the ports a file is the only way.
    """
    parameter: Any = importlib.import_module("ray._private.parameter")
    original = parameter.RayParams
    ports = dict(zip(_AGENT_PORTS, _free_ports(), strict=True))
    session, node = folder / "session", secrets.token_hex(28)
    session.mkdir(exist_ok=True)  # two nodes of a test share it
    (session / f"dashboard_agent_listen_port_{node}").write_text(str(ports["dashboard_agent_listen_port"]))

    def with_ports(**options: Any) -> Any:
        own = {"node_ip_address": address, "session_name": session.name, "no_monitor": True}
        return original(**options | ports | own)

    parameter.RayParams = with_ports
    try:
        with _environment({"RAY_OVERRIDE_NODE_ID_FOR_TESTING": node}):
            yield
    finally:
        parameter.RayParams = original


def _free_ports() -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in _AGENT_PORTS]
        for each in sockets:
            each.bind(("", 0))
        return [each.getsockname()[1] for each in sockets]


def _family(folder: Path) -> list[psutil.Process]:
    """The processes of the cluster in `folder`."""
    heads = [child for child in psutil.Process().children() if str(folder) in _command_line(child)]
    return heads + [process for head in heads for process in _descendants(head)]


def _stop(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=10)


def _command_line(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.Error):
        return process.children(recursive=True)
    return []


@contextmanager
def cluster_folder() -> Iterator[Path]:
    """A folder for sockets (their paths may have 107 characters) and logs, locked while its owner lives."""
    root = Path("/tmp") if Path("/tmp").is_dir() else Path(tempfile.gettempdir())  # noqa: S108
    for folder in root.glob("rf-ray-*"):
        _remove_abandoned(folder)
    folder = Path(tempfile.mkdtemp(prefix="rf-ray-", dir=root))
    try:
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
    finally:
        _remove(folder)


def _remove_abandoned(folder: Path) -> None:
    """Removes what a killed process left: nobody holds the lock any more."""
    try:
        with (folder / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        return


def _remove(folder: Path, patience_seconds: float = 5.0) -> None:
    """Ray's agents die a moment after ray.shutdown and write to the end."""
    until = time.monotonic() + patience_seconds
    while folder.exists() and time.monotonic() < until:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.1)


def _reread_environment() -> None:
    """Ray reads its environment when it is imported, perhaps long before; ray.init refreshes it in this way."""
    from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]

    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()


def _cluster_environment(workers: int) -> dict[str, str]:
    """What the cluster's processes inherit; Polars and OpenMP share the cores between the tasks."""
    threads = str(max(1, cores() // workers))
    return {
        **ray_environment(patience_seconds=300),
        INSIDE_SHARD: "1",
        "OMP_NUM_THREADS": threads,
        "POLARS_MAX_THREADS": threads,
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_DEDUP_LOGS": "0",
        "RAY_gcs_rpc_server_connect_timeout_s": "60",
    }


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
