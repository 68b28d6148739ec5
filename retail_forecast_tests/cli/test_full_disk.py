"""A full disk is named as such, whatever a library makes of it."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

import pytest

from retail_forecast.cli import full_disk
from retail_forecast.cli.console import ExitCode, explain
from retail_forecast.cli.full_disk import full_disk_behind

FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_write_that_found_no_room_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OSError, match="No space left") as caught, FULL.open("w") as file:
        file.write("a row")
    wrapped = RuntimeError("the step failed")
    wrapped.__cause__ = caught.value
    assert explain(wrapped) == ExitCode.FAILED
    said = capsys.readouterr().err
    assert said.startswith("DiskFullError: The disk of ")
    assert "Free some and run the same command again" in said


def test_the_fullest_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = {tmp_path: 2000, Path("/"): 1000}
    monkeypatch.setattr(full_disk, "_free_bytes", free.__getitem__)
    error = full_disk_behind([OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))], free)
    assert error is not None
    assert (error.folder, error.free_bytes) == ("/", 1000)


@pytest.mark.parametrize(("free_bytes", "is_full"), [(0, True), (10**9, False)])
def test_what_sqlite_fails_to_write_is_a_full_disk_where_little_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, free_bytes: int, is_full: bool
) -> None:
    monkeypatch.setattr(full_disk, "_free_bytes", lambda _: free_bytes)
    found = full_disk_behind([sqlite3.OperationalError("disk I/O error")], [tmp_path])
    assert (found is not None) == is_full


def test_another_error_is_no_full_disk(tmp_path: Path) -> None:
    assert full_disk_behind([PermissionError(errno.EACCES, "no")], [tmp_path]) is None
