from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from retail_forecast import __version__
from retail_forecast.cli import app, main
from retail_forecast.cli.console import ExitCode, exit_code_of, explain, progress
from retail_forecast.errors import (
    BadDropError,
    ConfigurationError,
    DatasetError,
    NotFoundError,
    RetailForecastError,
    SchemaError,
)

COMMANDS = [
    "demo",
    "run",
    "backtest",
    "serve",
    "dev",
    "status",
    "doctor",
    "train",
    "register",
    "promote",
    "deploy",
    "scale",
    "import m5",
    "import csv",
    "export forecasts",
]
HEAVY = {"polars", "dagster", "ray", "mlflow", "lightgbm", "obstore", "fastapi", "pydantic", "matplotlib", "pandas"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RETAIL_FORECAST_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def run_main(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["retail-forecast", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_contract_explains_itself(command: str) -> None:
    result = CliRunner().invoke(app, [*command.split(), "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, retail_forecast.cli as c; sys.argv = ['x', '--help']\ntry: c.main()\nexcept SystemExit: pass\n"
    code += "print('LOADED', *sorted({name.split('.')[0] for name in sys.modules}))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    loaded = set(output.rsplit("LOADED", 1)[1].split())
    assert "typer" in loaded
    assert loaded & HEAVY == set()


def test_module_and_script_are_the_same_command() -> None:
    command = [sys.executable, "-m", "retail_forecast", "--version"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == __version__


def test_wrong_usage_ends_with_2(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_main("run", "--cutoff", "yesterday", monkeypatch=monkeypatch) == ExitCode.USAGE


def test_an_error_is_one_message_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = str(tmp_path / "out.parquet")
    assert run_main("export", "forecasts", "--out", out, monkeypatch=monkeypatch) == ExitCode.FAILED
    message = capsys.readouterr().err
    assert "Run `retail-forecast run` first." in message
    assert "Traceback" not in message


def test_the_traceback_shows_on_demand(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("RETAIL_FORECAST_DEBUG", "1")
    run_main("export", "forecasts", "--out", str(tmp_path / "out.parquet"), monkeypatch=monkeypatch)
    assert "Traceback" in capsys.readouterr().err


def test_a_missing_dataset_names_the_file_and_the_way_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    assert run_main("status", monkeypatch=monkeypatch) == ExitCode.USAGE
    message = capsys.readouterr().err
    assert str(home / "dataset.yaml") in message
    assert "retail-forecast import" in message


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadDropError(object="a.csv", reason="It is empty.", fix="Send it again."), ExitCode.DATA_REJECTED),
        (SchemaError(table="sales", problems=["1 null"], fix="Mend it."), ExitCode.DATA_REJECTED),
        (DatasetError(key="horizon", found=0, expected="1 or more"), ExitCode.USAGE),
        (ConfigurationError(key="x", found=0, expected="1"), ExitCode.USAGE),
        (NotFoundError("It", fix="Make it."), ExitCode.FAILED),
        (RetailForecastError("no"), ExitCode.FAILED),
    ],
)
def test_exit_codes_tell_failures_apart(error: RetailForecastError, code: ExitCode) -> None:
    assert exit_code_of(error) == code


def test_a_known_error_is_found_below_what_wraps_it(capsys: pytest.CaptureFixture[str]) -> None:
    wrapped = RuntimeError("step failed")
    wrapped.__cause__ = NotFoundError("The champion", fix="Train one.")
    assert explain(wrapped) == ExitCode.FAILED
    assert "The champion does not exist. Train one." in capsys.readouterr().err


def test_a_chain_of_causes_that_bites_its_tail_is_explained_once(capsys: pytest.CaptureFixture[str]) -> None:
    known, wrapped = NotFoundError("The champion", fix="Train one."), RuntimeError("step failed")
    known.__cause__, wrapped.__cause__ = wrapped, known
    assert explain(wrapped) == ExitCode.FAILED
    assert capsys.readouterr().err.count("The champion does not exist") == 1


def test_an_interruption_is_not_a_failure() -> None:
    wrapped = RuntimeError("step failed")
    wrapped.__cause__ = KeyboardInterrupt()
    assert explain(wrapped) == ExitCode.INTERRUPTED


def test_a_bug_keeps_its_traceback() -> None:
    assert explain(ZeroDivisionError()) is None


def test_progress_in_a_log_is_one_line_at_each_end(capsys: pytest.CaptureFixture[str]) -> None:
    with progress() as show:
        for done in range(4):
            show("Reading [files]", done, 3)
    assert re.findall(r".+", capsys.readouterr().out) == ["Reading [files] …", "Reading [files]: 3 of 3"]


def test_an_error_is_one_json_line_where_logs_are_json(home: Path) -> None:
    command = [sys.executable, "-m", "retail_forecast", "export", "forecasts", "--out", str(home / "out.parquet")]
    environment = {**os.environ, "RETAIL_FORECAST_LOG_FORMAT": "json"}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    line = json.loads(ended.stderr)
    assert ended.returncode == ExitCode.FAILED
    assert (line["level"], line["error"]) == ("ERROR", "NotFoundError")
    assert "Run `retail-forecast run` first." in line["message"]
