"""Training jobs as subprocesses of this machine, below one folder per job name.

A job's folder keeps its checkpoints until the job has ended well, so a job that was killed goes on; NAME.log stays.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from retail_forecast.errors import TrainingError
from retail_forecast.training.memory import PeakMemory
from retail_forecast.training.trainer import (
    END_WITH_STDIN_VARIABLE,
    ROOT_VARIABLE,
    JobResult,
    TrainingJob,
    require_folders,
    require_new,
    show_whole,
)

_TAIL_LINES = 20


@dataclass(frozen=True)
class LocalTrainer:
    """Runs each job in a process group of its own, which ends with this process. Jobs live below `folder`."""

    folder: Path

    def run(self, job: TrainingJob, *, on_log: Callable[[str], None] | None = None) -> JobResult:
        """See `Trainer.run`."""
        root = self.folder / job.name
        require_new(job)
        with _only_one(root):
            _lay_out(root, job)
            started = time.monotonic()
            with PeakMemory() as memory:
                status, tail = _execute(root, self.log_of(job), on_log or _ignore, memory)
            if status != 0:
                why = _reason(root, status) or f"it ended with status {status}. Its log is {self.log_of(job)}."
                raise TrainingError(f"Job {job.name} failed: {why}", log_tail="\n".join(tail))
            seconds = time.monotonic() - started
            metrics = json.loads((root / "output/data/metrics.json").read_text(encoding="utf-8"))
            show_whole(root / "model", job.output_dir)
        shutil.rmtree(root)
        return JobResult(job.output_dir, metrics, round(seconds, 1), round(memory.gb, 2))

    def log_of(self, job: TrainingJob) -> Path:
        """The file with what the job said, in all its attempts."""
        return self.folder / f"{job.name}.log"


@contextmanager
def _only_one(root: Path) -> Iterator[None]:
    root.mkdir(parents=True, exist_ok=True)
    with (root / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise TrainingError(f"Job {root.name} runs already. Wait for it, or stop it first.") from error
        yield


def _lay_out(root: Path, job: TrainingJob) -> None:
    """The contract's folders, with the channels linked or, from a lake far away, fetched. Checkpoints stay."""
    for name in ("input", "model", "output"):
        shutil.rmtree(root / name, ignore_errors=True)
    for name in ("input/config", "input/data", "model", "output/data", "checkpoints"):
        (root / name).mkdir(parents=True, exist_ok=True)
    values = {"task": job.task, **job.hyperparameters}
    (root / "input/config/hyperparameters.json").write_text(json.dumps(values), encoding="utf-8")
    require_folders(job)
    for channel, source in job.channels.items():
        place = root / "input/data" / channel
        folder = source if isinstance(source, Path) else source.fetch(place)
        if folder != place:
            place.symlink_to(folder.resolve(), target_is_directory=True)


def _execute(root: Path, log_file: Path, on_log: Callable[[str], None], memory: PeakMemory) -> tuple[int, list[str]]:
    own = {ROOT_VARIABLE: str(root), END_WITH_STDIN_VARIABLE: "1", "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "retail_forecast.training.entrypoint"]
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    with (
        log_file.open("a", encoding="utf-8") as log,
        subprocess.Popen(
            command,
            env={**os.environ, **own},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as process,
    ):
        memory.watch(process.pid)
        threading.Thread(target=_end_group_with, args=(process,), daemon=True).start()
        try:
            for line in process.stdout or ():
                log.write(line)
                log.flush()
                tail.append(line.rstrip("\n"))
                on_log(tail[-1])
        except BaseException:
            process.kill()
            raise
        return process.wait(), list(tail)


def _end_group_with(process: subprocess.Popen[str]) -> None:
    """When the job's first process is gone, however it went, the rest goes too; else its output would never end."""
    process.wait()
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _reason(root: Path, status: int) -> str | None:
    failure = root / "output" / "failure"
    if failure.exists():
        return failure.read_text(encoding="utf-8")
    if status < 0:
        name = signal.Signals(-status).name
        return f"it was killed by {name} (for memory?). Run it again: finished pools are kept."
    return None


def _ignore(_line: str) -> None:
    return
