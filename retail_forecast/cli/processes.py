"""Child processes of `demo` and `dev`: each in a session of its own, with a log and a note of its process id.

They are started one by one rather than by `dagster dev`, which ignores SIGTERM in the background.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

import psutil

from retail_forecast.errors import RetailForecastError
from retail_forecast.patience import Patience

_TERMINATE_SECONDS = 15
_TAIL_LINES = 15


@dataclass(frozen=True)
class Note:
    """One started process, as its file says: enough to recognise it, and its parent, after a crash."""

    name: str
    pid: int
    started: float
    parent: int
    parent_started: float

    def is_alive(self) -> bool:
        """Whether that very process (not a later one of the same id) runs."""
        return _runs(self.pid, self.started)

    def is_orphaned(self) -> bool:
        """Whether it runs although the command that started it is gone."""
        return self.is_alive() and not _runs(self.parent, self.parent_started)


def read_notes(folder: Path) -> list[Note]:
    """The processes that were started from a home and not seen to end."""
    return [Note(**json.loads(path.read_text())) for path in sorted(folder.glob("*.json"))]


class Services:
    """The child processes of one command; all of them end when the `with` block does."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder, self._environment = folder, {**os.environ, **environment}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        for note in read_notes(self._folder):
            if note.is_alive() and not note.is_orphaned():
                text = f"{note.name} already runs on this home, started by process {note.parent}."
                raise RetailForecastError(f"{text} Stop that command first, or set RETAIL_FORECAST_HOME.")
            if note.is_alive():
                stop_groups([note.pid])
            self._note_path(note.name).unlink(missing_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stop_groups([process.pid for process in self._running.values()])
        for name, process in self._running.items():
            process.wait()
            self._note_path(name).unlink(missing_ok=True)

    def start(self, name: str, command: Sequence[str]) -> None:
        """Starts a process; what it prints goes to `<name>.log`."""
        with self.log_path(name).open("wb") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )
        self._running[name] = process
        me = psutil.Process()
        started = psutil.Process(process.pid).create_time()
        note = Note(name, process.pid, started, me.pid, me.create_time())
        self._note_path(name).write_text(json.dumps(asdict(note)))

    def wait_until(self, what: str, ready: Callable[[], bool], *, seconds: float) -> None:
        """Returns once `ready()`. Raises RetailForecastError if that takes too long or a process ends meanwhile.

        seconds: on an idle machine; a busy one is given more (see Patience).
        """
        patience = Patience(seconds)
        while not ready():
            self.check()
            if patience.is_over():
                logs = ", ".join(str(self.log_path(name)) for name in self._running)
                raise RetailForecastError(f"{what} was not ready after {patience.waited:.0f} s. Its log: {logs}")
            time.sleep(0.2)

    def check(self) -> None:
        """Raises RetailForecastError, with the end of its log, if a process ended."""
        for name, process in self._running.items():
            if (status := process.poll()) is not None:
                path = self.log_path(name)
                lines = path.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
                tail = "\n".join(lines)
                raise RetailForecastError(f"{name} ended with status {status}. The end of {path}:\n{tail}")

    def log_path(self, name: str) -> Path:
        """Where a process's output goes."""
        return self._folder / f"{name}.log"

    def _note_path(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def stop_groups(pids: Sequence[int]) -> None:
    """Ends processes, the groups that they lead and their descendants: asks first, kills what is left."""
    family = [process for pid in pids for process in _family(pid)]
    for pid in pids:
        _signal_group(pid, signal.SIGTERM)
    _, left = psutil.wait_procs(family, timeout=_TERMINATE_SECONDS)
    if left:
        for pid in pids:
            _signal_group(pid, signal.SIGKILL)
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=_TERMINATE_SECONDS)


def interrupt_once() -> None:
    """SIGINT, SIGTERM and SIGHUP end the command alike; a second one does not disturb the end, which is bounded."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in numbers:
        signal.signal(number, interrupt)


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _runs(pid: int, started: float) -> bool:
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - started) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
