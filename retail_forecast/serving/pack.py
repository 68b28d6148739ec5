"""A vintage's forecasts as files that the replicas of a machine share: whoever comes first writes them.

A pack is a folder named by what is in the vintage's forecasts.parquet: series.arrow (one row per series), numbers as
plain arrays that are mapped into memory, and answers.json, the encoded answers one behind the other. The kernel keeps
their pages once for all replicas. A replica holds a lock on its pack while it uses it, however it ends; who opens
another one removes those that nobody holds.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from retail_forecast.serving.packing import FORMAT, write_pack

HELD = "held"


class Pack:
    """An open pack; it stays on disk until `close`, or until the process ends."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._held = folder, os.open(folder / HELD, os.O_RDONLY)
        fcntl.flock(self._held, fcntl.LOCK_SH)

    def close(self) -> None:
        """Lets go of it; once."""
        os.close(self._held)


def open_pack(forecasts: Path, quantiles: tuple[float, ...], root: Path | None = None) -> Pack:
    """The pack of a forecasts.parquet, written if no replica of this machine has done so.

    root: where packs are; by default a folder of this user below the temporary one.
    Raises UnsoundVintageError for forecasts that cannot be served, OSError.
    """
    root = root or _shared_folder()
    with _locked(root):
        folder = root / _name(forecasts, quantiles)
        if not folder.exists():
            _write(root, folder, forecasts, quantiles)
        pack = Pack(folder)
        _remove_unheld(root)
    return pack


def _name(forecasts: Path, quantiles: tuple[float, ...]) -> str:
    with forecasts.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    digest.update(f"{FORMAT} {quantiles}".encode())
    return digest.hexdigest()[:32]


def _write(root: Path, folder: Path, forecasts: Path, quantiles: tuple[float, ...]) -> None:
    """Aside first, so that a pack is there whole or not at all."""
    draft = Path(tempfile.mkdtemp(prefix="draft-", dir=root))
    try:
        write_pack(draft, forecasts, quantiles)
        (draft / HELD).touch()
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _remove_unheld(root: Path) -> None:
    """Also the drafts of killed replicas: who calls it holds the lock under which drafts are made."""
    for folder in [path for path in root.iterdir() if path.is_dir()]:
        if not _is_held(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_held(folder: Path) -> bool:
    try:
        with (folder / HELD).open("r") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _shared_folder() -> Path:
    """Of this user alone; where another user made it first, one of this process."""
    folder = Path(tempfile.gettempdir()) / f"retail-forecast-packs-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    info = folder.lstat()
    mine = info.st_uid == os.getuid() and not folder.is_symlink() and not info.st_mode & 0o077
    return folder if mine else Path(tempfile.mkdtemp(prefix="retail-forecast-packs-"))
