from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest

from retail_forecast.cli.processes import Note, Services, read_notes, stop_groups
from retail_forecast.errors import RetailForecastError

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)


def wait_for_output(services: Services, name: str) -> str:
    services.wait_until(name, lambda: services.log_path(name).stat().st_size > 0, seconds=30)
    return services.log_path(name).read_text()


def test_children_end_with_the_block_and_leave_no_note(tmp_path: Path) -> None:
    with Services(tmp_path, {}) as services:
        services.start("one", SLEEP)
        (note,) = read_notes(tmp_path)
        assert note.is_alive()
        assert not note.is_orphaned()
    assert not note.is_alive()
    assert read_notes(tmp_path) == []


def test_children_end_when_the_command_fails(tmp_path: Path) -> None:
    services = Services(tmp_path, {})
    with contextlib.suppress(KeyboardInterrupt), services:
        services.start("one", SLEEP)
        (note,) = read_notes(tmp_path)
        raise KeyboardInterrupt
    assert not note.is_alive()


def test_grandchildren_end_too(tmp_path: Path) -> None:
    with Services(tmp_path, {}) as services:
        code = f"import subprocess, time; print(subprocess.Popen({SLEEP!r}).pid, flush=True); time.sleep(600)"
        services.start("parent", [sys.executable, "-c", code])
        grandchild = psutil.Process(int(wait_for_output(services, "parent").split()[0]))
        assert grandchild.is_running()
    grandchild.wait(timeout=30)


def test_what_ignores_the_request_to_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retail_forecast.cli.processes._TERMINATE_SECONDS", 1)
    with Services(tmp_path, {}) as services:
        services.start("stubborn", [sys.executable, "-c", STUBBORN])
        wait_for_output(services, "stubborn")
        (note,) = read_notes(tmp_path)
    assert not note.is_alive()


def test_a_child_that_ends_by_itself_is_reported_with_its_last_words(tmp_path: Path) -> None:
    with Services(tmp_path, {}) as services:
        services.start("weak", [sys.executable, "-c", "raise SystemExit('no port left')"])
        with pytest.raises(RetailForecastError, match=r"weak ended with status 1(.|\n)*no port left"):
            services.wait_until("weak", lambda: False, seconds=30)


def test_a_wait_has_an_end(tmp_path: Path) -> None:
    with Services(tmp_path, {}) as services:
        services.start("slow", SLEEP)
        with pytest.raises(RetailForecastError, match=r"The thing was not ready after [01] s.*slow\.log"):
            services.wait_until("The thing", lambda: False, seconds=0.1)


def test_leftovers_of_a_killed_command_are_stopped_by_the_next(tmp_path: Path) -> None:
    leftover = subprocess.Popen(SLEEP, start_new_session=True, stdout=subprocess.DEVNULL)
    started = psutil.Process(leftover.pid).create_time()
    write_note(tmp_path, Note("ui", leftover.pid, started, parent=leftover.pid, parent_started=started - 100))
    assert read_notes(tmp_path)[0].is_orphaned()
    with Services(tmp_path, {}):
        assert read_notes(tmp_path) == []
        leftover.wait(timeout=30)


def test_a_home_is_run_by_one_command_at_a_time(tmp_path: Path) -> None:
    with Services(tmp_path, {}) as services:
        services.start("ui", SLEEP)
        with pytest.raises(RetailForecastError, match="ui already runs on this home"), Services(tmp_path, {}):
            raise AssertionError("the block must not run")
        services.check()


def test_the_note_of_a_reused_process_id_is_not_alive(tmp_path: Path) -> None:
    me = psutil.Process()
    write_note(tmp_path, Note("ui", me.pid, me.create_time() - 100, me.pid, me.create_time()))
    assert not read_notes(tmp_path)[0].is_alive()


def test_stopping_what_is_gone_is_no_error() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""], start_new_session=True)
    process.wait()
    before = time.monotonic()
    stop_groups([process.pid])
    assert time.monotonic() - before < 5


def test_the_first_signal_ends_the_command_and_the_second_does_not_disturb() -> None:
    code = """
import time
from retail_forecast.cli.processes import interrupt_once
interrupt_once()
try:
    print("up", flush=True)
    time.sleep(600)
except KeyboardInterrupt:
    print("ending", flush=True)
    time.sleep(1)
    print("ended", flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = iter(process.stdout)
        assert next(lines) == "up\n"
        process.terminate()
        assert next(lines) == "ending\n"
        process.send_signal(signal.SIGINT)
        assert next(lines) == "ended\n"
    assert process.returncode == 0


def write_note(folder: Path, note: Note) -> None:
    (folder / f"{note.name}.json").write_text(json.dumps(asdict(note)))
