"""A training job from its creation to its end, over as many attempts as spot interruptions make of it."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from retail_forecast.emulator.sagemaker.access import RoleSession
from retail_forecast.emulator.sagemaker.attempt import KILLED, Attempt, World
from retail_forecast.emulator.sagemaker.errors import JobFailedError
from retail_forecast.emulator.sagemaker.host import Host
from retail_forecast.emulator.sagemaker.job import TrainingJob

_DEFAULT_RUNTIME_SECONDS = 86_400
_LOG = logging.getLogger(__name__)


class JobRun:
    """Runs a job on a thread of its own."""

    def __init__(
        self, world: World, job: TrainingJob, role: RoleSession, on_end: Callable[[TrainingJob], None]
    ) -> None:
        self.job = job
        self._world, self._role, self._on_end = world, role, on_end
        self._events: queue.Queue[tuple[Host | None, Any]] = queue.Queue()
        self._timers: list[threading.Timer] = []
        self._thread = threading.Thread(target=self._run, name=job.name, daemon=True)

    def start(self) -> None:
        """Starts the job, and the clock of a spot job's wait."""
        wait = self.job.request["StoppingCondition"].get("MaxWaitTimeInSeconds")
        if wait:
            self._after(wait, "MaxWaitTimeExceeded")
        self._thread.start()

    def stop(self) -> None:
        """Stops the job: SIGTERM, and SIGKILL after the grace."""
        self.job.enter("Stopping", status="Stopping")
        self._events.put((None, "Stopped"))

    def interrupt(self) -> None:
        """Takes the spot capacity back: SIGTERM, and SIGKILL after the grace; the job begins again."""
        self._events.put((None, "Interrupted"))

    def kill(self) -> None:
        """Ends the job without grace, with the emulator."""
        self.job.enter("Stopping", status="Stopping")
        self._events.put((None, KILLED))

    def join(self) -> None:
        """Waits for the end."""
        self._thread.join()

    def _run(self) -> None:
        try:
            ending = self._attempts()
            self.job.enter(ending, status="Completed" if ending == "Completed" else "Stopped")
        except JobFailedError as error:
            self.job.fail(error.reason)
        except Exception:
            _LOG.exception("%s", self.job.name)
            self.job.fail("InternalServerError: We encountered an internal error. Please see the emulator's log.")
            raise
        finally:
            for timer in self._timers:
                timer.cancel()
            self._on_end(self.job)

    def _attempts(self) -> str:
        number = 0
        while True:
            number += 1
            attempt = Attempt(self._world, self.job, self._role, number, self._events)
            ending = self._timed(attempt, first=number == 1)
            if ending != "Interrupted":
                return ending
            self.job.enter("Interrupted")
            order = self._await_capacity()
            if order:
                return order
            self.job.enter("Starting")

    def _await_capacity(self) -> str | None:
        """Waits as long as there is no capacity; an order to end that came meanwhile."""
        back = time.monotonic() + self._world.capacity_seconds
        while True:
            try:
                host, order = self._events.get(timeout=max(0.0, back - time.monotonic()))
            except queue.Empty:
                return None
            if host is None and order != "Interrupted":
                return str(order)

    def _timed(self, attempt: Attempt, *, first: bool) -> str:
        began = time.monotonic()
        limit = self.job.request["StoppingCondition"].get("MaxRuntimeInSeconds", _DEFAULT_RUNTIME_SECONDS)
        after = self._world.interrupt_spot_after_seconds
        if first and after is not None and self.job.is_spot:
            self._after(after, "Interrupted")
        try:
            ending = attempt.run(began + limit - self.job.training_seconds)
            if ending != "Interrupted":
                self.job.enter("Uploading")
                attempt.upload_results()
            return ending
        finally:
            self.job.training_seconds += time.monotonic() - began

    def _after(self, seconds: float, why: str) -> None:
        timer = threading.Timer(seconds, self._events.put, [(None, why)])
        timer.daemon = True
        timer.start()
        self._timers.append(timer)
