"""What of a home goes when it is old, and what a job that works there keeps."""

from __future__ import annotations

import fcntl
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from retail_forecast.orchestration.home_retention import prune_home

NOW = datetime.now(UTC)
OLD = NOW - timedelta(days=40)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A log and a killed job of long ago, a log of today, scratch of a killed command, and data."""
    for name in ("jobs/old.log", "jobs/killed/checkpoints/a.txt", "jobs/killed/lock", "scratch/backtest-1/x", "lake/x"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("12345")
        os.utime(file, (OLD.timestamp(), OLD.timestamp()))
    (tmp_path / "jobs/new.log").write_text("12345")
    return tmp_path


def files(home: Path) -> list[str]:
    return sorted(path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file())


def test_old_logs_killed_jobs_and_scratch_go_and_nothing_else(home: Path) -> None:
    removed = prune_home(home, before=NOW - timedelta(days=30))
    assert (removed.objects, removed.size) == (4, 20)  # five bytes each
    assert files(home) == ["jobs/new.log", "lake/x"]
    assert not (home / "jobs/killed").exists()


def test_a_job_that_works_keeps_its_checkpoints_however_old_they_are(home: Path) -> None:
    with (home / "jobs/killed/lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        prune_home(home, before=NOW - timedelta(days=30))
    assert "jobs/killed/checkpoints/a.txt" in files(home)


def test_a_home_without_jobs_has_nothing_to_remove(tmp_path: Path) -> None:
    assert prune_home(tmp_path, before=NOW).objects == 0
