"""Loading that ended the process: the kernel kills what takes too much memory, and that raises nothing.

A replica that was killed starts anew, loads the same again and is killed again. So an attempt leaves a file while it
lasts, by which the next process of this machine sees how the last ones ended, and serves something else.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from retail_forecast.errors import RetailForecastError

DEATHS = 2  # one may have had another reason


class DeadlyVintageError(RetailForecastError):
    """A vintage that ended the processes which loaded it; it is not loaded again."""


@contextmanager
def attempt_at(vintage: str, folder: Path | None = None) -> Iterator[None]:
    """Around the loading of a vintage. Raises DeadlyVintageError instead if that ended two processes before."""
    folder = folder or Path(tempfile.gettempdir()) / f"retail-forecast-attempts-{os.getuid()}"
    deaths = sum(not psutil.pid_exists(int(one.suffix[1:])) for one in folder.glob(f"{vintage}.*"))
    if deaths >= DEATHS:
        text = f"Vintage {vintage!r} is not loaded: {deaths} processes ended while they did so, as for want of memory."
        raise DeadlyVintageError(f"{text} With more memory, remove {folder}/{vintage}.* and deploy it again.")
    mine = folder / f"{vintage}.{os.getpid()}"
    with suppress(OSError):  # without a note it is loaded all the same
        folder.mkdir(parents=True, exist_ok=True)
        mine.touch()
    try:
        yield
    finally:
        with suppress(OSError):
            mine.unlink(missing_ok=True)
