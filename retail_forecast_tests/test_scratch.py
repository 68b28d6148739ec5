"""Scratch folders: gone after the block, and after a kill when the next one begins."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from retail_forecast import scratch
from retail_forecast.scratch import remove_abandoned, scratch_folder

HOLDER = """
from retail_forecast.scratch import scratch_folder
with scratch_folder("held") as folder:
    (folder / "file").write_text("x")
    print(folder, flush=True)
    input()
"""


@pytest.fixture(autouse=True)
def own_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(scratch, "_YOUNG_SECONDS", 0)


def test_a_folder_is_gone_after_its_block_also_when_that_fails() -> None:
    made: list[Path] = []

    def work() -> None:
        with scratch_folder("bundle") as folder:
            made.append(folder)
            (folder / "file").write_text("x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert not made[0].exists()


def test_what_a_killed_process_left_goes_when_the_next_one_begins(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        left = Path(holder.stdout.readline().strip())
        assert remove_abandoned() == []
        holder.send_signal(signal.SIGKILL)
    assert left.exists()
    with scratch_folder("next") as mine:
        assert not left.exists()
        assert mine.exists()


def test_folders_of_others_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "somebody-else").mkdir()
    monkeypatch.setattr(scratch, "_YOUNG_SECONDS", 60)
    just_made = Path(tempfile.mkdtemp(prefix=scratch._PREFIX))
    assert remove_abandoned() == []
    assert just_made.exists()
    assert (tmp_path / "somebody-else").exists()
