"""What an emulator that was killed leaves, and the next one removes."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path

import pytest

from retail_forecast.emulator.server import EmulatorServer


def listening_at(folder: Path) -> socket.socket:
    folder.mkdir()
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(folder / "http"))
    made.listen()
    return made


def test_sockets_where_nobody_answers_are_removed_and_others_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:  # a socket's path may have 107 characters
        monkeypatch.setattr(tempfile, "tempdir", name)
        living, killed = Path(name, "cloud-living"), Path(name, "cloud-killed")
        listening_at(killed).close()
        with listening_at(living), EmulatorServer(Path(name, "home")):
            assert not killed.exists()
            assert (living / "http").exists()
            assert len(list(Path(name).glob("cloud-*"))) == 2  # the living one's, and its own
        assert [path.name for path in Path(name).glob("cloud-*")] == ["cloud-living"]
