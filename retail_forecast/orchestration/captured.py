"""What steps print in this process goes to the logs of their run, and no further."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TextIO

from dagster._core.execution.compute_logs import redirect_to_file
from dagster._core.storage import local_compute_log_manager
from dagster._utils import ensure_file

Mirror = Callable[[TextIO, str], AbstractContextManager[Any]]


@contextmanager
def output_of_steps_stays_in_their_runs() -> Iterator[None]:
    """Inside the block, standard output of a step is kept for the UI alone; Dagster would show it here as well.

    A training job says much there. Standard error is shown still. Dagster 1.13 has no setting for it.
    """
    module: Any = local_compute_log_manager
    mirror: Mirror = module.mirror_stream_to_file
    module.mirror_stream_to_file = lambda stream, path: (
        _keep(stream, path) if stream is sys.stdout else mirror(stream, path)
    )
    try:
        yield
    finally:
        module.mirror_stream_to_file = mirror


@contextmanager
def _keep(stream: TextIO, path: str) -> Iterator[None]:
    ensure_file(path)
    with redirect_to_file(stream, path):
        yield
