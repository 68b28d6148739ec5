"""What surrounds a private cluster of Ray."""

from __future__ import annotations

import fcntl
import tempfile
from pathlib import Path

from retail_forecast.parallel.cluster import cluster_folder


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
