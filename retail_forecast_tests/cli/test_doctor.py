from __future__ import annotations

import json
import os
import socket
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from retail_forecast.cli import app
from retail_forecast.cli.console import ExitCode
from retail_forecast.cli.doctor import Finding, examine
from retail_forecast.cli.processes import Note
from retail_forecast.settings import Settings, load_settings


def finding(settings: Settings, check: str) -> Finding:
    (found,) = [finding for finding in examine(settings) if finding.check == check]
    return found


def test_what_is_in_order_needs_no_mending(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)
    for check in ("python", "dagster", "openmp", "landing", "lake"):
        assert (finding(settings, check).state, finding(settings, check).mend) == ("ok", "")


def test_a_missing_dataset_is_only_a_warning(tmp_path: Path) -> None:
    found = finding(load_settings(home=tmp_path), "dataset")
    assert found.state == "warn"
    assert "retail-forecast demo" in found.mend


def test_a_wrong_dataset_fails_and_names_the_key(tmp_path: Path) -> None:
    (tmp_path / "dataset.yaml").write_text("name: x\nfrequency: 1h\n")
    found = finding(load_settings(home=tmp_path), "dataset")
    assert found.state == "fail"
    assert "dataset.yaml.frequency: found '1h'" in found.found


def test_a_landing_that_cannot_be_opened_names_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    found = finding(load_settings(home=tmp_path, landing_url=(tmp_path / "file").as_uri()), "landing")
    assert found.state == "fail"
    assert "RETAIL_FORECAST_LANDING_URL" in found.mend


def test_a_taken_port_names_its_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = finding(load_settings(home=tmp_path, ui_port=server.getsockname()[1]), "ui_port")
    assert found.state == "warn"
    assert "RETAIL_FORECAST_UI_PORT" in found.mend


@pytest.mark.parametrize(("pid", "words"), [(os.getpid(), "left over"), (2**22 + 1, "is gone")])
def test_processes_without_their_command_are_told(tmp_path: Path, pid: int, words: str) -> None:
    started = psutil.Process().create_time()
    note = Note("ui", pid, started, parent=os.getpid(), parent_started=started - 100)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "ui.json").write_text(json.dumps(asdict(note)))
    assert words in finding(load_settings(home=tmp_path), "ui").found


def test_every_setting_is_printed_with_its_origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETAIL_FORECAST_HOME", str(tmp_path))
    result = CliRunner().invoke(app, ["doctor"], env={"COLUMNS": "200"})
    assert result.exit_code == ExitCode.OK
    lines = [line for line in result.output.splitlines() if "RETAIL_FORECAST_" in line and "→" not in line]
    assert len(lines) == len(Settings.model_fields)
    assert lines[0].split()[-1] == "environment"
    assert lines[-1].split()[-1] == "default"
