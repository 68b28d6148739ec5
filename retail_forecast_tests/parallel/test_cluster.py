"""What surrounds a private cluster of Ray."""

from __future__ import annotations

import fcntl
import tempfile
from pathlib import Path

import pytest

from retail_forecast.parallel.cluster import cluster_folder, private_cluster
from retail_forecast.parallel.given import living_nodes


def abandoned() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="rf-ray-", dir="/tmp"))
    (folder / "lock").touch()
    return folder


def test_the_folder_goes_with_the_cluster() -> None:
    with cluster_folder() as folder:
        (folder / "session").mkdir()
    assert not folder.exists()


def test_what_a_killed_process_left_is_removed_and_what_lives_is_not() -> None:
    left = abandoned()
    with cluster_folder() as living, cluster_folder():
        assert not left.exists()
        assert living.exists()


def test_a_folder_whose_owner_lives_is_kept() -> None:
    folder = abandoned()
    with (folder / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with cluster_folder():
            assert folder.exists()
    with cluster_folder():
        assert not folder.exists()


def test_a_private_cluster_is_on_loopback_and_asks_nobody_for_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_address: str | None = None) -> str:
        raise AssertionError("Ray looked for the way to 8.8.8.8")

    monkeypatch.setattr("ray._private.services.node_ip_address_from_perspective", refuse)
    with private_cluster(1):
        assert [node["NodeManagerAddress"] for node in living_nodes()] == ["127.0.0.1"]
