"""Requests that arrive while a call is under way share the next one; a request that finds none waits for nothing."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


class MicroBatcher(Generic[Job, Result]):
    """Hands jobs to `answer` in one thread beside the event loop, those that have gathered meanwhile together.

    answer: one result, or the exception to raise, per job. size: what a job counts; no call is given more than `most`,
    unless a single job is larger. Belongs to the event loop that first asks.
    """

    def __init__(
        self,
        answer: Callable[[Sequence[Job]], Sequence[Result | Exception]],
        *,
        most: int,
        size: Callable[[Job], int] = lambda _: 1,
    ) -> None:
        self._answer, self._most, self._size = answer, most, size
        self._waiting: deque[tuple[Job, asyncio.Future[Result]]] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="what-if")
        self._running: asyncio.Task[None] | None = None

    async def ask(self, job: Job) -> Result:
        """The result of one job."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((job, future))
        if self._running is None:
            self._running = loop.create_task(self._run())
        return await future

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                batch = self._take()
                await loop.run_in_executor(self._thread, self._settle, loop, batch)
        finally:
            self._running = None

    def _take(self) -> list[tuple[Job, asyncio.Future[Result]]]:
        """The jobs of the next call; nobody waits any more for those that were cancelled."""
        taken: list[tuple[Job, asyncio.Future[Result]]] = []
        total = 0
        while self._waiting and (not taken or total + self._size(self._waiting[0][0]) <= self._most):
            job, future = self._waiting.popleft()
            if not future.cancelled():
                taken.append((job, future))
                total += self._size(job)
        return taken

    def _settle(self, loop: asyncio.AbstractEventLoop, batch: Sequence[tuple[Job, asyncio.Future[Result]]]) -> None:
        if not batch:
            return
        results: Sequence[Result | Exception]
        try:
            results = self._answer([job for job, _ in batch])
        except BaseException as error:  # noqa: BLE001 - Polars' panics too: each of those who wait is told
            told = error if isinstance(error, Exception) else RuntimeError(f"{type(error).__name__}: {error}")
            results = [told] * len(batch)
        futures = [future for _, future in batch]
        loop.call_soon_threadsafe(_tell, futures, results)


def _tell(futures: Sequence[asyncio.Future[Result]], results: Sequence[Result | Exception]) -> None:
    for future, result in zip(futures, results, strict=True):
        if future.cancelled():
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
