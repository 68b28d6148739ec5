"""The host process seen from outside: start it so that it outlives its starter, find it, end it and nothing else.

HOME/serve/ holds host.json (process, ports), token (what Ray's REST API asks for), host.log and the lock.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psutil

from retail_forecast.errors import ConfigurationError, DeploymentError
from retail_forecast.parallel.environment import import_path
from retail_forecast.patience import Patience
from retail_forecast.serving.ports import require_free_ports
from retail_forecast.settings import Settings

INFO, LOCK, LOG, TOKEN = "host.json", "lock", "host.log", "token"

_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_",
    "AWS_ROLE_",
    "AWS_CONTAINER_",
)
_START_SECONDS = 420
_END_SECONDS = 20
_children: list[subprocess.Popen[bytes]] = []  # hosts that this process started, so that none ends as a zombie


@dataclass(frozen=True)
class HostInfo:
    """What a host says of itself. `started_at` tells its process from a later one with the same number.

    room: replicas that it can carry. haproxy: whether HAProxy stands before them; else Ray's own proxy does.
    """

    pid: int
    started_at: float
    scratch: str
    host: str
    api_port: int
    dashboard_port: int
    ready: bool
    room: int = 2
    haproxy: bool = False

    def as_ready(self) -> HostInfo:
        """The same host, now taking deployments."""
        return replace(self, ready=True)

    @property
    def api_url(self) -> str:
        """Base URL of the API, as seen from this machine."""
        address = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104  read, not bound
        return f"http://{address}:{self.api_port}"

    @property
    def rest_url(self) -> str:
        """Base URL of Ray's REST API."""
        return f"http://127.0.0.1:{self.dashboard_port}"

    @property
    def serve_host(self) -> str:
        """Where Serve listens: with HAProxy the replicas do, on loopback, and HAProxy alone on the API's address."""
        return "127.0.0.1" if self.haproxy else self.host

    @property
    def metrics_folder(self) -> str:
        """Where replicas share their metrics."""
        return str(Path(self.scratch) / "metrics")


def serve_folder(settings: Settings) -> Path:
    """Folder of the host's state."""
    return settings.home.resolve() / "serve"


def running_host(folder: Path) -> HostInfo | None:
    """The host that lives now, ready or not; None if there is none, or it has not yet said what it is."""
    info = read_info(folder) if _lock_is_held(folder) else None
    return info if info is not None and _lives(info) else None


def start_host(settings: Settings, *, wanted: str, replicas: int | None = None) -> HostInfo:
    """The running host, started if need be, ready to take a deployment.

    wanted: the vintage to be deployed, for the message. replicas: room for so many, by default those of the
    settings; a host that runs is taken as it is.

    Raises ConfigurationError if a port is taken or a host with other ports runs; DeploymentError if it does not start.
    """
    folder = serve_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    if _is_vacant(folder):
        if read_info(folder) is None:  # otherwise a killed host may have left what holds them; the new one clears it
            require_free_ports(settings.host, settings.api_port, settings.ray_dashboard_port)
        _spawn(folder, settings, replicas or settings.replicas)
    try:
        info = _wait_until_ready(folder)
    except TimeoutError as error:
        raise DeploymentError(str(error), wanted=wanted, active=None) from error
    _require_same_ports(info, settings)
    return info


def stop_host(folder: Path) -> bool:
    """Ends the host and every process of its session; whether there was one."""
    deadline = time.monotonic() + _START_SECONDS
    while (info := running_host(folder)) is None and _lock_is_held(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    if info is not None:
        ours = list(_session_of(info))
        psutil.Process(info.pid).terminate()
        psutil.wait_procs(ours, timeout=_END_SECONDS)
    end_leftovers(folder, info)
    return info is not None


def end_leftovers(folder: Path, info: HostInfo | None = None) -> None:
    """Kills what is left of a host (the last one) that ended without tidying up, and removes its files."""
    info = info or read_info(folder)
    if info is not None:
        remaining = list(_session_of(info))
        for process in remaining:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(remaining, timeout=5)
        shutil.rmtree(info.scratch, ignore_errors=True)
    for name in (INFO, TOKEN):
        (folder / name).unlink(missing_ok=True)
    _children[:] = [child for child in _children if child.poll() is None]


def read_info(folder: Path) -> HostInfo | None:
    """What the last host wrote; None if it wrote nothing, or ended tidily."""
    try:
        return HostInfo(**json.loads((folder / INFO).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def write_info(folder: Path, info: HostInfo) -> None:
    """Writes host.json whole."""
    draft = folder / f"{INFO}.{os.getpid()}"
    draft.write_text(json.dumps(asdict(info)))
    draft.replace(folder / INFO)


def read_token(folder: Path) -> str:
    """What Ray's REST API asks for."""
    return (folder / TOKEN).read_text().strip()


def _spawn(folder: Path, settings: Settings, replicas: int) -> None:
    command = [sys.executable, "-m", "retail_forecast.serving.host", "--folder", str(folder), "--host", settings.host]
    command += ["--api-port", str(settings.api_port), "--dashboard-port", str(settings.ray_dashboard_port)]
    command += ["--replicas", str(replicas)]
    with (folder / LOG).open("wb") as log:
        child = subprocess.Popen(
            command,
            cwd=folder,
            env=environment_of_host(settings),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _children.append(child)


def environment_of_host(settings: Settings) -> dict[str, str]:
    """This process' environment without its Ray and its key to the API.

    With a profile of its own, also without its credentials of AWS.
    """
    left_out, own = {"RAY_ADDRESS", "RAY_AUTH_TOKEN", "RETAIL_FORECAST_API_KEY"}, {"PYTHONPATH": import_path()}
    if settings.serving_aws_profile is not None:
        left_out |= {name for name in os.environ if name.startswith(_CREDENTIALS)}
        own["AWS_PROFILE"] = settings.serving_aws_profile
    return {**{name: value for name, value in os.environ.items() if name not in left_out}, **own}


def _wait_until_ready(folder: Path) -> HostInfo:
    patience = Patience(_START_SECONDS)
    while not patience.is_over():
        info = running_host(folder)
        if info is not None and info.ready:
            return info
        if info is None and _children and _children[-1].poll() not in (None, 3):
            raise _did_not_start(folder, f"ended with status {_children[-1].returncode}")
        time.sleep(0.1)
    raise _did_not_start(folder, f"was not ready after {patience.waited:.0f} s")


def _did_not_start(folder: Path, how: str) -> TimeoutError:
    log = folder / LOG
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:]) if log.exists() else ""
    return TimeoutError(f"The endpoint's host process {how}. Last lines of {log}:\n{tail}\n")


def _require_same_ports(info: HostInfo, settings: Settings) -> None:
    wanted = {
        "RETAIL_FORECAST_API_PORT": (settings.api_port, info.api_port),
        "RETAIL_FORECAST_RAY_DASHBOARD_PORT": (settings.ray_dashboard_port, info.dashboard_port),
        "RETAIL_FORECAST_HOST": (settings.host, info.host),
    }
    for key, (found, used) in wanted.items():
        if found != used:
            expected = f"{used!r}, which this home's endpoint uses (or stop it first: kill {info.pid})"
            raise ConfigurationError(key=key, found=found, expected=expected)


def _is_vacant(folder: Path) -> bool:
    """Whether no host has the folder. One that was killed may hold the lock for a moment more, which is waited for."""
    deadline = time.monotonic() + _END_SECONDS
    while _lock_is_held(folder):
        info = read_info(folder)
        if info is None or _lives(info) or time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _lock_is_held(folder: Path) -> bool:
    try:
        with (folder / LOCK).open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _session_of(info: HostInfo) -> Iterator[psutil.Process]:
    """The host's living processes: those of its session, which it leads and nobody else joins.

    A number that stands for a session is not given away while a process of it lives; one that was given away to a
    later process therefore has left nothing. In another PID namespace the session is 0, which may be everybody's.
    """
    if info.pid <= 1 or _is_later_process(info):
        return
    for process in psutil.process_iter():
        try:
            ours = os.getsid(process.pid) == info.pid and process.create_time() >= info.started_at - 1
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                yield process
        except (psutil.NoSuchProcess, ProcessLookupError, PermissionError):
            continue


def _is_later_process(info: HostInfo) -> bool:
    """Whether the host's number was given to another process since."""
    try:
        return abs(psutil.Process(info.pid).create_time() - info.started_at) > 1
    except psutil.NoSuchProcess:
        return False


def _lives(info: HostInfo) -> bool:
    """Whether the host that wrote `info` still runs; a killed one may stay as a zombie of its starter."""
    try:
        return not _is_later_process(info) and psutil.Process(info.pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def write_token(folder: Path) -> None:
    """Makes a new one, for this user's eyes only."""
    file = os.open(folder / TOKEN, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(file, "w") as sink:
        sink.write(secrets.token_hex(32))
