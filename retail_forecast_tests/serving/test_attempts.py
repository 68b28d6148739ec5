from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from retail_forecast.serving.attempts import DEATHS, DeadlyVintageError, attempt_at

KILLED = """
import os, signal, sys
from pathlib import Path
from retail_forecast.serving.attempts import attempt_at
with attempt_at(sys.argv[1], Path(sys.argv[2])):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def killed_while_loading(vintage: str, folder: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", KILLED, vintage, str(folder)], check=False)
    assert ended.returncode == -signal.SIGKILL


def test_what_ended_two_processes_is_not_loaded_a_third_time(tmp_path: Path) -> None:
    for _ in range(DEATHS):
        killed_while_loading("v1", tmp_path)
    with pytest.raises(DeadlyVintageError, match="2 processes ended"), attempt_at("v1", tmp_path):
        pytest.fail("it was loaded")
    with attempt_at("v2", tmp_path):
        assert len(list(tmp_path.glob("v2.*"))) == 1


def test_an_attempt_that_ends_by_itself_is_forgotten(tmp_path: Path) -> None:
    for _ in range(DEATHS + 1):
        with pytest.raises(MemoryError), attempt_at("v1", tmp_path):
            raise MemoryError
    assert list(tmp_path.iterdir()) == []
