"""A disk without room, recognised behind whatever a library makes of it."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from retail_forecast.errors import DiskFullError

_TEXTS = ("no space left on device", "database or disk is full", "disk quota exceeded")
_SQLITE = "disk i/o error"  # what SQLite says when it cannot grow its files, but also of a broken disk
_LITTLE_BYTES = 16 * 1024**2


def full_disk_behind(errors: Sequence[BaseException], folders: Iterable[Path]) -> DiskFullError | None:
    """The error that names the fullest of the folders' disks, if one of `errors` is about a full disk; else None."""
    said, perhaps = any(map(_says_full, errors)), any(map(_fails_to_write, errors))
    if not (said or perhaps):
        return None
    place, free = min(((folder, _free_bytes(folder)) for folder in folders), key=lambda found: found[1])
    if said or free < _LITTLE_BYTES:
        return DiskFullError(str(place), free_bytes=free)
    return None


def folders_written_to() -> list[Path]:
    """Where commands write: the home, also when another setting is wrong, and scratch space."""
    from retail_forecast.settings import ENVIRONMENT_PREFIX, Settings

    home = os.environ.get(f"{ENVIRONMENT_PREFIX}HOME", Settings.model_fields["home"].default)
    return [Path(home).resolve(), Path(tempfile.gettempdir())]


def _free_bytes(folder: Path) -> int:
    there = next(place for place in (folder, *folder.parents) if place.exists())
    return shutil.disk_usage(there).free


def _says_full(error: BaseException) -> bool:
    number = error.errno if isinstance(error, OSError) else None
    return number in (errno.ENOSPC, errno.EDQUOT) or any(text in str(error).lower() for text in _TEXTS)


def _fails_to_write(error: BaseException) -> bool:
    return isinstance(error, sqlite3.OperationalError) and _SQLITE in str(error).lower()
