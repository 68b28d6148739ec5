"""Tables of the lake that change while a vintage is served, such as how good its forecasts turned out to be."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from retail_forecast.lake import Lake

SECONDS = 30


@dataclass
class LiveTable:
    """A small table, read again when it is asked for and was last read so many seconds ago."""

    lake: Lake
    name: str
    seconds: float = SECONDS
    clock: Callable[[], float] = time.monotonic
    _rows: pl.DataFrame | None = None
    _read_at: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def rows(self) -> pl.DataFrame | None:
        """The table's rows; None before it was first published."""
        with self._lock:
            now = self.clock()
            if self._read_at is None or now - self._read_at >= self.seconds:
                scan = self.lake.table(self.name).scan()
                self._rows, self._read_at = scan.collect() if scan is not None else None, now
            return self._rows
