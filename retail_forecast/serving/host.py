"""The process that carries Ray on this machine: python -m retail_forecast.serving.host (see `processes.start_host`).

It starts a Ray of its own (loopback only, token required, no usage statistics) and stays until it is told to end. It
holds a lock as long as it lives, so a killed host can be told from a living one whatever files it left.
"""

from __future__ import annotations

import argparse
import fcntl
import logging
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

import psutil

from retail_forecast.parallel.cluster import fixed_node
from retail_forecast.parallel.environment import ray_environment
from retail_forecast.serving.confinement import VARIABLE
from retail_forecast.serving.haproxy import claimed_ports, haproxy_environment, has_haproxy
from retail_forecast.serving.ports import require_free_ports
from retail_forecast.serving.processes import (
    INFO,
    LOCK,
    TOKEN,
    HostInfo,
    end_leftovers,
    write_info,
    write_token,
)
from retail_forecast.telemetry.logs import configure_logging

logger = logging.getLogger("retail_forecast.serving.host")

ALREADY_RUNNING = 3
_ATTEMPTS = 3
_PATIENCE_SECONDS = 200
_OBJECT_STORE_BYTES = 80 * 1024**2  # Ray's least is 75 MiB; answers do not travel through it


def main() -> None:
    """Runs the host until SIGTERM or SIGINT."""
    configure_logging(everything=True)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    arguments = _parse()
    with _lock(arguments.folder):
        end_leftovers(arguments.folder)
        require_free_ports(arguments.host, arguments.api_port, arguments.dashboard_port)
        write_token(arguments.folder)
        scratch = Path(tempfile.mkdtemp(prefix="rf-", dir=_short_folder()))
        try:
            with claimed_ports() as first_port:
                _carry(arguments, scratch, first_port)
        except Exception as error:
            if arguments.attempt == _ATTEMPTS or isinstance(error, ImportError):
                raise
            logger.exception("Ray did not start (attempt %s of %s)", arguments.attempt, _ATTEMPTS)
        finally:
            _end_children()
            shutil.rmtree(scratch, ignore_errors=True)
            for name in (INFO, TOKEN):
                (arguments.folder / name).unlink(missing_ok=True)
    _try_again(arguments)


def _try_again(arguments: argparse.Namespace) -> NoReturn:
    """Ray that failed to start (a busy machine) does not start again in the same process: this one begins anew."""
    own = [argument for argument in sys.argv[1:] if not argument.startswith("--attempt")]
    again = [sys.executable, "-m", "retail_forecast.serving.host", *own, f"--attempt={arguments.attempt + 1}"]
    os.execv(sys.executable, again)  # noqa: S606  no shell wanted


def _carry(arguments: argparse.Namespace, scratch: Path, first_port: int) -> None:
    info = HostInfo(
        pid=os.getpid(),
        started_at=psutil.Process().create_time(),
        scratch=str(scratch),
        host=arguments.host,
        api_port=arguments.api_port,
        dashboard_port=arguments.dashboard_port,
        ready=False,
        room=_room(arguments.replicas),
        haproxy=has_haproxy(),
    )
    write_info(arguments.folder, info)
    for name in ("tmp", "metrics", "ray", "h"):
        (scratch / name).mkdir()
    os.environ.update(_environment(arguments.folder, scratch))
    if info.haproxy:
        address = {"host": arguments.host, "api_port": arguments.api_port}
        os.environ.update(haproxy_environment(scratch / "h", first_port=first_port, **address))
    import ray

    try:
        with fixed_node(scratch / "ray"):
            ray.init(
                address="local",
                num_cpus=info.room,
                num_gpus=0,
                include_dashboard=True,
                dashboard_host="127.0.0.1",
                dashboard_port=arguments.dashboard_port,
                object_store_memory=_OBJECT_STORE_BYTES,
                _temp_dir=str(scratch / "ray"),
                log_to_driver=False,
            )
        signal.signal(signal.SIGTERM, _end)  # ray.init takes the handler
        write_info(arguments.folder, info.as_ready())
        logger.info("Ray is up; its REST API is on 127.0.0.1:%s", arguments.dashboard_port)
        while True:
            signal.pause()
    finally:
        ray.shutdown()


def _room(replicas: int) -> int:
    """Room for a second set while replicas are replaced."""
    return max(2, 2 * replicas)


def _end_children() -> None:
    """Ray leaves processes when it fails half-way."""
    children = psutil.Process().children(recursive=True)
    for child in children:
        with suppress(psutil.NoSuchProcess):
            child.kill()
    psutil.wait_procs(children, timeout=10)


def _environment(folder: Path, scratch: Path) -> dict[str, str]:
    """What Ray's processes inherit; it has to be there before Ray is imported."""
    return {
        **ray_environment(patience_seconds=_PATIENCE_SECONDS),
        "RAY_AUTH_TOKEN_PATH": str(folder / TOKEN),
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # one machine only: Ray then listens on 127.0.0.1, on Linux too
        "RAY_enable_worker_prestart": "0",
        "RAY_DASHBOARD_STARTUP_TIMEOUT_S": str(_PATIENCE_SECONDS),
        "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": str(_PATIENCE_SECONDS),
        "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "30",
        "TMPDIR": str(scratch / "tmp"),
        VARIABLE: "1",
        "OMP_NUM_THREADS": "1",
        "POLARS_MAX_THREADS": "2",
    }


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Held by the one host of a home; the kernel takes it back when the process ends, however it ends."""
    with (folder / LOCK).open("w") as file:
        for _ in range(20):  # somebody who looks whether it is held holds it for an instant
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.05)
        else:
            logger.error("Another host of %s is running", folder)
            sys.exit(ALREADY_RUNNING)
        yield


def _short_folder() -> str | None:
    """Sockets live below it, and their paths may have 107 characters."""
    return next((str(folder) for folder in [Path("/", "tmp")] if folder.is_dir()), None)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Carries Ray for the forecast API.")
    parser.add_argument("--folder", type=Path, required=True, help="state of the host")
    parser.add_argument("--host", required=True, help="address of the API")
    parser.add_argument("--api-port", type=int, required=True)
    parser.add_argument("--dashboard-port", type=int, required=True)
    parser.add_argument("--replicas", type=int, required=True)
    parser.add_argument("--attempt", type=int, default=1)
    return parser.parse_args()


def _end(number: int, _frame: object) -> NoReturn:
    logger.info("Ending on signal %s", number)
    sys.exit(0)


if __name__ == "__main__":
    main()
