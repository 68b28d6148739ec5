"""What Ray's processes inherit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from retail_forecast.parallel.environment import import_path, ray_environment


def test_another_process_imports_what_this_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bought.py").write_text("PRICE = 3")
    monkeypatch.syspath_prepend(str(tmp_path))
    command = [sys.executable, "-c", "import bought; print(bought.PRICE)"]
    told = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": import_path()}, cwd="/", capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "3"


def test_every_wait_of_a_starting_ray_is_as_long_as_asked_for() -> None:
    waits = {name: int(text) for name, text in ray_environment(patience_seconds=7).items() if "_start_wait_" in name}
    assert waits == {"RAY_raylet_start_wait_time_s": 7}
    assert ray_environment(patience_seconds=7)["RAY_agent_register_timeout_ms"] == "7000"
