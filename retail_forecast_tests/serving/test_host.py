"""The life of the host process, with a stand-in for Ray that starts at once, or not at first."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from retail_forecast.errors import ConfigurationError, DeploymentError
from retail_forecast.serving.processes import read_info, read_token, running_host, serve_folder, start_host, stop_host
from retail_forecast.settings import Settings
from retail_forecast_tests.serving.world import free_port, until

STAND_IN = """
import os, subprocess, pathlib
failures = pathlib.Path(os.environ["STAND_IN_FAILURES"])
def init(**options):
    assert os.environ["RAY_AUTH_MODE"] == "token" and os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    assert options["address"] == "local" and options["dashboard_host"] == "127.0.0.1"
    subprocess.Popen(["sleep", "300"])
    left = int(failures.read_text())
    failures.write_text(str(left - 1))
    if left > 0:
        raise RuntimeError("the node timed out during startup")
def shutdown():
    pass
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    (tmp_path / "stand_in" / "ray" / "_private").mkdir(parents=True)
    (tmp_path / "stand_in" / "ray" / "_private" / "parameter.py").write_text("RayParams = dict")
    (tmp_path / "stand_in" / "ray" / "__init__.py").write_text(STAND_IN)
    (tmp_path / "failures").write_text("0")
    monkeypatch.syspath_prepend(tmp_path / "stand_in")
    monkeypatch.setenv("STAND_IN_FAILURES", str(tmp_path / "failures"))
    settings = Settings(home=tmp_path / "home", api_port=free_port(), ray_dashboard_port=free_port())
    yield settings
    stop_host(serve_folder(settings))


def members(session: int) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, ProcessLookupError):
            continue
    return found


def test_a_host_starts_once_and_stops_with_all_its_processes(settings: Settings) -> None:
    info = start_host(settings, wanted="v")
    assert start_host(settings, wanted="v") == info
    assert len(members(info.pid)) == 2
    assert os.getsid(info.pid) == info.pid
    assert len(read_token(serve_folder(settings))) == 64
    assert stop_host(serve_folder(settings))
    assert members(info.pid) == []
    assert not Path(info.scratch).exists()
    assert {file.name for file in serve_folder(settings).iterdir()} == {"lock", "host.log"}


def test_a_start_that_fails_is_tried_again(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "failures").write_text("2")
    info = start_host(settings, wanted="v")
    assert info.ready
    assert len(members(info.pid)) == 2
    assert (serve_folder(settings) / "host.log").read_text().count("Ray did not start") == 2


def test_a_host_that_cannot_start_shows_its_log(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "stand_in" / "ray" / "__init__.py").write_text("raise ImportError('no such wheel')")
    with pytest.raises(DeploymentError, match="no such wheel") as caught:
        start_host(settings, wanted="v7")
    assert caught.value.wanted == "v7"
    assert running_host(serve_folder(settings)) is None


def test_a_killed_host_is_followed_by_a_new_one_that_clears_up(settings: Settings) -> None:
    first = start_host(settings, wanted="v")
    os.kill(first.pid, signal.SIGKILL)
    until(lambda: running_host(serve_folder(settings)) is None)
    until(lambda: len(members(first.pid)) == 1)
    second = start_host(settings, wanted="v")
    assert second.pid != first.pid
    assert members(first.pid) == []
    assert not Path(first.scratch).exists()


def test_a_taken_port_is_named_before_anything_starts(settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", settings.api_port))
        taken.listen()
        with pytest.raises(ConfigurationError, match="RETAIL_FORECAST_API_PORT"):
            start_host(settings, wanted="v")
    assert read_info(serve_folder(settings)) is None


def test_another_port_for_the_same_home_is_refused(settings: Settings) -> None:
    info = start_host(settings, wanted="v")
    other = settings.model_copy(update={"api_port": free_port()})
    with pytest.raises(ConfigurationError, match=f"RETAIL_FORECAST_API_PORT.*kill {info.pid}"):
        start_host(other, wanted="v")
