"""The keys that a replica knows now: it looks at the file again while it answers, so nothing is restarted."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from retail_forecast.errors import ConfigurationError
from retail_forecast.serving.security.callers import Caller
from retail_forecast.serving.security.keys import PREFIX, KeyRecord, find_record, read_keys

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
Stamp = tuple[int, int, int]


class KeyRing:
    """Reads the file of hashes anew when it has changed; looks at most once a second.

    A file that is gone holds no key. One that cannot be understood changes nothing, and the log says so.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.path, self._clock = path, clock
        self.generation = 0
        self._stamp = _stamp(path)
        self._records = _by_id(path)
        self._next_look = clock() + LOOK_SECONDS

    def refresh(self) -> None:
        """Takes note of a changed file; `generation` then rises, and what was remembered of keys is void."""
        now = self._clock()
        if now < self._next_look:
            return
        self._next_look, stamp = now + LOOK_SECONDS, _stamp(self.path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._records = _by_id(self.path)
        except (ConfigurationError, OSError) as error:
            logger.error("The API keys stay what they were: %s", error)
            return
        self.generation += 1
        logger.info("%s holds %s API keys", self.path, len(self._records))

    def caller_of(self, key: str) -> Caller | None:
        """Whom the key stands for, expired or not; None for a key that is not in force."""
        record = find_record(self._records, key)
        return record.caller if record is not None else None


def looks_like_key(text: str) -> bool:
    """Whether a bearer's secret is an API key rather than a token."""
    return text.startswith(f"{PREFIX}_")


def _by_id(path: Path) -> dict[str, KeyRecord]:
    return {record.id: record for record in read_keys(path).keys}


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_ino, found.st_mtime_ns, found.st_size)
