"""A bundle's copy on this machine: whole and what was registered, or not there."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from retail_forecast.errors import NotFoundError, RegistryError
from retail_forecast.models.bundle import Bundle


def take_copy(target: Path, *, digest: str, version: str, source: str, download: Callable[[Path], Path]) -> Path:
    """Downloads aside and moves in place what has the digest; a target that has it already stays.

    download: fills an empty folder and says where in it the bundle lies. Raises RegistryError when `target` holds
    something else or the files at `source` are no longer what was registered.
    """
    if target.exists() and any(target.iterdir()):
        return _checked(target, digest, f"{target} holds something else. Choose an empty folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetch-") as aside:
        copy = download(Path(aside))
        _checked(copy, digest, f"The files of version {version} were changed in {source}. Register again")
        shutil.rmtree(target, ignore_errors=True)
        copy.rename(target)
    return target


def _checked(folder: Path, digest: str, complaint: str) -> Path:
    try:
        same = Bundle.load(folder).digest == digest
    except (NotFoundError, ValueError, KeyError):
        same = False
    if not same:
        raise RegistryError(f"{complaint}.")
    return folder
