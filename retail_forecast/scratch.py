"""Scratch folders that are gone when their work is done: those that a killed process left, when the next one begins."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "retail-forecast-scratch-"
_YOUNG_SECONDS = 60  # one that is just being made is not locked yet


@contextmanager
def scratch_folder(name: str) -> Iterator[Path]:
    """A folder of this process' own below the folder of temporary files, for as long as the block runs."""
    folder = ScratchFolder(name)
    try:
        yield folder.path
    finally:
        folder.cleanup()


class ScratchFolder:
    """The same without a block: it ends with `cleanup`, or after the process. `path`: the folder.

    Its owner holds a lock on it, which the kernel takes back however the owner ends; so what nobody holds is removed.
    """

    def __init__(self, name: str) -> None:
        remove_abandoned()
        self.path = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{name}-"))
        self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def cleanup(self) -> None:
        """Removes the folder; once is enough."""
        if self._lock >= 0:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)
            self._lock = -1


def remove_abandoned() -> list[Path]:
    """Removes the folders of this user whose owner is gone, and says which."""
    found = [path for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*") if _is_abandoned(path)]
    for path in found:
        shutil.rmtree(path, ignore_errors=True)
    return found


def _is_abandoned(path: Path) -> bool:
    try:
        about = path.lstat()
        if about.st_uid != os.getuid() or time.time() - about.st_ctime < _YOUNG_SECONDS:
            return False
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True
