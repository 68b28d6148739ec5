"""What steps print in the process of a command."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TextIO

import dagster as dg
import pytest

from retail_forecast.orchestration.captured import output_of_steps_stays_in_their_runs
from retail_forecast_tests.orchestration.test_compute_logs import talk

MIRROR = "dagster._core.storage.local_compute_log_manager.mirror_stream_to_file"


def test_what_a_step_prints_is_in_the_log_of_its_run_and_only_its_errors_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []

    def mirror(stream: TextIO, path: str) -> nullcontext[None]:
        shown.append(Path(path).suffix)
        return nullcontext()

    monkeypatch.setattr(MIRROR, mirror)
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance, output_of_steps_stays_in_their_runs():
        assert talk.execute_in_process(instance=instance).success
        (kept,) = tmp_path.rglob("*.out")
    assert kept.read_text() == "forty-two units\n"
    assert shown == [".err"]
