"""One function over many shards, on this machine's cores: Ray tasks in a private cluster that lives for one call.

A shard is small (a name, a few paths); its result is small too: tables travel as files, never through Ray.
The cluster is never shared: it joins no other Ray (say the one that serves) and nothing can join it without its token.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from retail_forecast.errors import TrainingError

Shard = TypeVar("Shard")
Result = TypeVar("Result")

_INSIDE_SHARD = "RETAIL_FORECAST_INSIDE_SHARD"  # the mark of a Ray worker; below, of this process
_inside_shard: ContextVar[bool] = ContextVar("inside_shard", default=False)
_OBJECT_STORE_BYTES = 80 * 1024**2  # Ray's least is 75 MiB; results are small


@dataclass(frozen=True)
class _Failure:
    """What a shard raised, as text: an exception need not survive the way between two processes."""

    summary: str
    trace: str


class ShardTraceback(Exception):
    """The traceback of another process; the ``__cause__`` of the TrainingError."""


def map_shards(
    function: Callable[[Shard], Result],
    shards: Sequence[Shard],
    *,
    workers: int,
    memory_gb: float | None = None,
    on_done: Callable[[Shard, Result], None] | None = None,
) -> list[Result]:
    """``[function(shard) for shard in shards]``, `workers` at a time, in the order of `shards`.

    One shard, or one worker, runs in this process; otherwise `function` must be importable (module level).
    `memory_gb` is what one shard needs at its peak: fewer run at once where the machine has less.
    `on_done(shard, result)` is called here, as each one ends.

    Raises:
        TrainingError: a shard raised or its process was killed (the others are stopped), or a shard asked
            for shards of its own.
    """
    if workers > 1 and (_inside_shard.get() or os.environ.get(_INSIDE_SHARD)):
        raise TrainingError(f"A shard asked for {workers} workers of its own: shards do not nest. Pass workers=1.")
    if len(shards) <= 1 or workers <= 1:
        return [_run_here(function, shard, on_done) for shard in shards]
    with _private_cluster(min(workers, len(shards))):
        return _run_on_ray(function, shards, memory_gb, on_done)


def cores() -> int:
    """The cores that this process may use (affinity, hence a container's cpuset, counts)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _run_here(
    function: Callable[[Shard], Result], shard: Shard, on_done: Callable[[Shard, Result], None] | None
) -> Result:
    mark = _inside_shard.set(True)
    try:
        result = function(shard)
    except Exception as error:
        raise _failed(shard, _summary(error), traceback.format_exc()) from error
    finally:
        _inside_shard.reset(mark)
    if on_done is not None:
        on_done(shard, result)
    return result


def _run_on_ray(
    function: Callable[[Shard], Result],
    shards: Sequence[Shard],
    memory_gb: float | None,
    on_done: Callable[[Shard, Result], None] | None,
) -> list[Result]:
    import ray

    # max_retries=0: a shard that took the machine's memory would take it again
    options: dict[str, Any] = {"num_cpus": 1, "max_retries": 0}
    if memory_gb is not None:
        # more than the machine has would wait for ever
        options["memory"] = int(min(memory_gb * 1024**3, ray.cluster_resources()["memory"]))
    task = ray.remote(**options)(_guarded)
    pending = {task.remote(function, shard): index for index, shard in enumerate(shards)}
    results: dict[int, Result] = {}
    while pending:
        ready, _ = ray.wait(list(pending), num_returns=1)
        index = pending.pop(ready[0])
        results[index] = _fetch(ready[0], shards[index])
        if on_done is not None:
            on_done(shards[index], results[index])
    return [results[index] for index in range(len(shards))]


def _guarded(function: Callable[[Shard], Result], shard: Shard) -> Result | _Failure:
    try:
        return function(shard)
    except Exception as error:
        return _Failure(_summary(error), traceback.format_exc())


def _fetch(reference: Any, shard: object) -> Any:
    import ray

    try:
        outcome = ray.get(reference)
    except ray.exceptions.OutOfMemoryError as error:
        raise _failed(shard, "the machine ran out of memory. Use fewer workers or smaller shards.", str(error)) from error
    except ray.exceptions.RayError as error:
        text = "its process was killed, by a signal or for memory. Run again, with fewer workers or smaller shards."
        raise _failed(shard, text, str(error)) from error
    if isinstance(outcome, _Failure):
        raise _failed(shard, outcome.summary, outcome.trace) from ShardTraceback(f"\n{outcome.trace}")
    return outcome


def _failed(shard: object, why: str, trace: str) -> TrainingError:
    return TrainingError(why, shard=shard_name(shard), log_tail=trace)


def _summary(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def shard_name(shard: object) -> str:
    """What a shard is called in messages: its ``name``, the first of a tuple, or its text.

    >>> shard_name(("CA_1", "/data/CA_1.parquet"))
    'CA_1'
    """
    if isinstance(shard, tuple) and shard and not hasattr(shard, "name"):
        return shard_name(shard[0])
    return str(getattr(shard, "name", shard))[:200]


@contextmanager
def _private_cluster(workers: int) -> Iterator[None]:
    import ray

    if ray.is_initialized():
        raise TrainingError(
            "This process already belongs to a Ray cluster, and shards run in one of their own. "
            "Call map_shards from another process, or with workers=1."
        )
    # sockets live in it, and their paths may have 107 characters
    folder = tempfile.mkdtemp(prefix="rf-", dir="/tmp" if Path("/tmp").is_dir() else None)
    try:
        with _environment(_cluster_environment(workers)):
            _reread_authentication()
            ray.init(
                address="local",
                num_cpus=workers,
                num_gpus=0,
                include_dashboard=False,
                object_store_memory=_OBJECT_STORE_BYTES,
                _node_ip_address="127.0.0.1",  # listens on loopback only
                _temp_dir=folder,
                logging_level="warning",
            )
        yield
    finally:
        ray.shutdown()
        _reread_authentication()
        shutil.rmtree(folder, ignore_errors=True)


def _reread_authentication() -> None:
    """Ray reads mode and token when it is imported, perhaps long before; ray.init refreshes its own way so."""
    from ray._raylet import AuthenticationTokenLoader, Config

    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()


def _cluster_environment(workers: int) -> dict[str, str]:
    """What the cluster's processes inherit; Polars and OpenMP share the cores between the tasks."""
    threads = str(max(1, cores() // workers))
    return {
        _INSIDE_SHARD: "1",
        "OMP_NUM_THREADS": threads,
        "POLARS_MAX_THREADS": threads,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # under `uv run` Ray would build every worker an environment
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # silences a FutureWarning
        "RAY_DEDUP_LOGS": "0",
    }


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
