"""Peak memory of a process and all its descendants: resident memory, sampled, without what they share."""

from __future__ import annotations

import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

import psutil

_INTERVAL_SECONDS = 1.0


class PeakMemory:
    """Samples from `watch`, or from the start with a `pid`, to the end of the `with` block; `gb` is the largest sum.

    Shared pages (libraries, Ray's object store) are left out, so that they do not count once per process. The exact
    unique set size is not used: the kernel walks every page for it, which cost half a core for large processes.
    """

    def __init__(self, pid: int | None = None) -> None:
        self.gb = 0.0
        self._pid = pid
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self._pid is not None:
            self.watch(self._pid)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def watch(self, pid: int) -> None:
        """Begins to sample the process tree below `pid`."""
        self._thread = threading.Thread(target=self._sample, args=(pid,), daemon=True)
        self._thread.start()

    def _sample(self, pid: int) -> None:
        while True:
            self.gb = max(self.gb, tree_bytes(pid) / 1e9)
            if self._over.wait(_INTERVAL_SECONDS):
                return


def tree_bytes(pid: int) -> int:
    """Memory that the process and its descendants hold for themselves, in bytes."""
    try:
        root = psutil.Process(pid)
        processes = [root, *root.children(recursive=True)]
    except psutil.Error:
        return 0
    return sum(_own_bytes(process) for process in processes)


def _own_bytes(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        memory = process.memory_info()
        return int(memory.rss - getattr(memory, "shared", 0))  # macOS does not tell what is shared
    return 0
