"""What of a home nobody needs any more: logs and checkpoints of old training jobs, scratch of killed commands."""

import fcntl
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from retail_forecast.lake.retention import Removed

FOLDERS = ("jobs", "scratch")


def prune_home(home: Path, *, before: datetime) -> Removed:
    """Removes what lies in `jobs` and `scratch` and was not written to since `before`, unless a job works there."""
    removed = Removed()
    for entry in sorted(entry for name in FOLDERS for entry in (home / name).glob("*")):
        files = [file.lstat() for file in _files(entry)]
        written = max((file.st_mtime for file in files), default=entry.lstat().st_mtime)
        if written < before.timestamp() and not _is_at_work(entry):
            removed += Removed(len(files), sum(file.st_size for file in files))
            _remove(entry)
    return removed


def _files(entry: Path) -> Iterator[Path]:
    return (path for path in (entry.rglob("*") if entry.is_dir() else [entry]) if path.is_symlink() or path.is_file())


def _is_at_work(entry: Path) -> bool:
    """Whether a trainer of this machine holds the job's lock."""
    try:
        with (entry / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry, ignore_errors=True)
    else:
        entry.unlink(missing_ok=True)
