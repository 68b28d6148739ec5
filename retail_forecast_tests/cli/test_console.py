"""Progress on the terminal, whatever happens to standard output meanwhile."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CODE = """
import os, sys
from retail_forecast.cli.console import progress
with progress() as show:
    os.dup2(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT), 1)
    print("metric pools=1", flush=True)
    show("Train, pools", 1, 1)
"""


def test_progress_is_seen_while_standard_output_is_captured(tmp_path: Path) -> None:
    captured = tmp_path / "step.out"
    ended = subprocess.run([sys.executable, "-c", CODE, str(captured)], capture_output=True, text=True, check=True)
    assert ended.stdout == "Train, pools: 1 of 1\n"
    assert captured.read_text() == "metric pools=1\n"
