"""What every command shares: the console, progress bars, exit codes."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING

from retail_forecast.cli.full_disk import folders_written_to, full_disk_behind
from retail_forecast.errors import BadDropError, ConfigurationError, RetailForecastError, SchemaError
from retail_forecast.telemetry.logs import is_json

if TYPE_CHECKING:
    from rich.console import Console

logger = logging.getLogger("retail_forecast.cli")

OnProgress = Callable[[str, int, int], None]
"""(what, done, all): `what` names the bar; a new name starts a new bar, done == all ends it."""


class ExitCode(IntEnum):
    """What a script can tell from the end of a command."""

    OK = 0
    FAILED = 1
    USAGE = 2
    DATA_REJECTED = 3
    INTERRUPTED = 130


def console() -> Console:
    """The console that results go to."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def explain(error: BaseException) -> ExitCode | None:
    """Reports the known error behind an exception, be it wrapped by Dagster, and says how to exit; None for a bug."""
    causes = list(_causes(error))
    if (full := full_disk_behind(causes, folders_written_to())) is not None:
        return report(full)
    for cause in causes:
        if isinstance(cause, RetailForecastError):
            return report(cause)
        if isinstance(cause, KeyboardInterrupt) or type(cause).__name__ == "DagsterExecutionInterruptedError":
            return ExitCode.INTERRUPTED
        if isinstance(cause, OSError) and (refused := _s3_refusal_behind(cause)) is not None:
            return report(refused)
    return None


def _s3_refusal_behind(error: OSError) -> RetailForecastError | None:
    from retail_forecast.lake.s3 import s3_refusal_behind

    return s3_refusal_behind(error)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and what it was raised from, outermost first; a chain that closes to a ring ends there."""
    found: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and not any(cause is one for one in found):
        found.append(cause)
        yield cause
        cause = cause.__cause__ or cause.__context__


def report(error: RetailForecastError) -> ExitCode:
    """Prints the error as one message (its traceback with RETAIL_FORECAST_DEBUG=1) and says how to exit."""
    if is_json():
        logger.error(str(error), exc_info=error, extra={"error": type(error).__name__})
        return exit_code_of(error)
    from rich.console import Console

    stderr = Console(stderr=True, highlight=False, soft_wrap=True)
    if os.environ.get("RETAIL_FORECAST_DEBUG") == "1":
        stderr.print_exception()
    stderr.print(f"[bold red]{type(error).__name__}[/]:", end=" ")
    stderr.print(str(error), markup=False)
    return exit_code_of(error)


def exit_code_of(error: RetailForecastError) -> ExitCode:
    """The exit code that an error means."""
    if isinstance(error, ConfigurationError):
        return ExitCode.USAGE
    if isinstance(error, BadDropError | SchemaError):
        return ExitCode.DATA_REJECTED
    return ExitCode.FAILED


@contextmanager
def progress() -> Iterator[OnProgress]:
    """Progress bars on a terminal; elsewhere one line as each part of the work begins and ends."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    if is_json():
        yield _log_progress
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with _own_console() as own:
        if not own.is_terminal:
            yield _Lines(own)
            return
        # what a step prints must reach the capture of its run, and not the bars
        with Progress(*columns, console=own, redirect_stdout=False) as bars:
            tasks: dict[str, int] = {}

            def show(what: str, done: int, total: int) -> None:
                if what not in tasks:
                    tasks[what] = bars.add_task(what, total=total)
                bars.update(tasks[what], completed=done, total=total)  # type: ignore[arg-type]

            yield show


@contextmanager
def _own_console() -> Iterator[Console]:
    """A console on another descriptor of standard output: what runs capture of the usual one leaves it alone."""
    from rich.console import Console

    try:
        number = os.dup(sys.stdout.fileno())
    except (AttributeError, OSError):  # a stream without a file, as in tests
        yield console()
        return
    with os.fdopen(number, "w", buffering=1, encoding=sys.stdout.encoding, errors="replace") as own:
        yield Console(file=own, highlight=False, soft_wrap=not own.isatty())


def _log_progress(what: str, done: int, total: int) -> None:
    if done in (0, total):
        logger.info("%s: %s of %s", what, done, total, extra={"stage": what, "done": done, "total": total})


class _Lines:
    """Progress for a log file."""

    def __init__(self, shared: Console) -> None:
        self._console, self._open = shared, ""

    def __call__(self, what: str, done: int, total: int) -> None:
        if done >= total:
            self._console.print(f"{what}: {done} of {total}", markup=False)
            self._open = ""
        elif what != self._open:
            self._console.print(f"{what} …", markup=False)
            self._open = what
