"""One function over many shards, on this machine's cores or on a given Ray cluster.

A shard is small (a name, a few paths); its result is small too: tables travel as files, never through Ray.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

from retail_forecast.errors import TrainingError
from retail_forecast.parallel.cluster import INSIDE_SHARD, private_cluster, refuse_second_cluster
from retail_forecast.parallel.given import given_cluster, living_nodes
from retail_forecast.parallel.hosts import hosts_in_cluster
from retail_forecast.parallel.outputs import Delivery, pack
from retail_forecast.settings import load_settings

Shard = TypeVar("Shard")
Result = TypeVar("Result")

_inside_shard: ContextVar[bool] = ContextVar("inside_shard", default=False)


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
    small: bool = False,
    on_done: Callable[[Shard, Result], None] | None = None,
) -> list[Result]:
    """``[function(shard) for shard in shards]``, `workers` at a time, in the order of `shards`.

    One shard, or one worker, runs in this process; otherwise `function` must be importable (module level). On the
    cluster of RETAIL_FORECAST_RAY_ADDRESS, if that is set, as many run at a time as it has room for.
    `memory_gb` is what one shard needs at its peak: fewer run at once where the machine has less.
    `small` shards are done before a cluster would be up (20 s of processor time): they run on threads of this process,
    which suits what Polars and LightGBM do.
    `on_done(shard, result)` is called here, as each one ends.

    Raises:
        TrainingError: a shard raised or its process was killed (the others are stopped), or a shard asked
            for shards of its own.
    """
    if workers > 1 and (_inside_shard.get() or os.environ.get(INSIDE_SHARD)):
        raise TrainingError(f"A shard asked for {workers} workers of its own: shards do not nest. Pass workers=1.")
    if len(shards) <= 1 or workers <= 1:
        return [_run_here(function, shard, on_done) for shard in shards]
    if small:
        return _run_on_threads(function, shards, workers, on_done)
    refuse_second_cluster()
    with _cluster(shards, workers):
        return _run_on_ray(function, shards, memory_gb, on_done)


def _cluster(shards: Sequence[object], workers: int) -> AbstractContextManager[None]:
    address = load_settings().ray_address
    if address is None:
        return private_cluster(min(workers, len(shards)))
    alone = {INSIDE_SHARD: "1", "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
    return given_cluster(address, shards, alone, hosts=hosts_in_cluster.get())


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


def _run_on_threads(
    function: Callable[[Shard], Result],
    shards: Sequence[Shard],
    workers: int,
    on_done: Callable[[Shard, Result], None] | None,
) -> list[Result]:
    with ThreadPoolExecutor(workers) as pool:
        running = [pool.submit(_run_here, function, shard, None) for shard in shards]
        try:
            results = []
            for shard, future in zip(shards, running, strict=True):
                results.append(future.result())
                if on_done is not None:
                    on_done(shard, results[-1])
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return results


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
        # more than any machine has would wait for ever
        most = max(node["Resources"].get("memory", 0.0) for node in living_nodes())
        options["memory"] = int(min(memory_gb * 1024**3, most))
    task: Any = ray.remote(**options)(_guarded if hosts_in_cluster.get() == 1 else _guarded_elsewhere)
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
    except Exception as error:  # noqa: BLE001 - whatever it is, the caller must hear of it
        return _Failure(_summary(error), traceback.format_exc())


def _guarded_elsewhere(function: Callable[[Shard], Result], shard: Shard) -> Delivery:
    """On a host that shares no files with the one that asked."""
    return pack(_guarded(function, shard), shard)


def _fetch(reference: Any, shard: object) -> Any:
    import ray

    try:
        outcome = ray.get(reference)
    except ray.exceptions.OutOfMemoryError as error:
        text = "the machine ran out of memory. Use fewer workers or smaller shards."
        raise _failed(shard, text, str(error)) from error
    except ray.exceptions.RayError as error:
        text = "its process was killed, by a signal or for memory. Run again, with fewer workers or smaller shards."
        raise _failed(shard, text, str(error)) from error
    if isinstance(outcome, Delivery):
        outcome = outcome.unpack()
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
