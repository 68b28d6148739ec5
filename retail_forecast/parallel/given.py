"""A Ray cluster that somebody else runs: joined for the time of one call, after a look whether it can do the work.

Shards and results are small; tables travel as files. So every node must have this very code and see the folders that
the shards name, at the same path: a shared file system (Kubernetes: a volume that many may write), or an object store
for the lake and a shared scratch folder (`TMPDIR`).
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import retail_forecast
from retail_forecast.errors import ConfigurationError, TrainingError

SETTING = "RETAIL_FORECAST_RAY_ADDRESS"
_ANSWER_SECONDS = 20
_PROBE_SECONDS = 120
_JOIN_SECONDS = 600


@contextmanager
def given_cluster(
    address: str, shards: Sequence[object], environment: dict[str, str], *, hosts: int = 1
) -> Iterator[None]:
    """Joined inside the block. Raises ConfigurationError where it is not there, or TrainingError naming a node.

    hosts: more than 1 for so many that have to be there and share no files.
    """
    import ray

    _require_answer(address)
    try:
        ray.init(
            address=address, runtime_env={"env_vars": environment}, logging_level=logging.WARNING, log_to_driver=False
        )
    except Exception as error:
        expected = f"a Ray cluster that this process can join (Ray says: {error})"
        raise ConfigurationError(key=SETTING, found=address, expected=expected) from error
    try:
        _await_nodes(hosts)
        _check_nodes(folders_of(shards) if hosts == 1 else set())
        yield
    finally:
        ray.shutdown()


def _await_nodes(count: int) -> None:
    until = time.monotonic() + _JOIN_SECONDS
    while (there := len(living_nodes())) < count:
        if time.monotonic() > until:
            raise TrainingError(f"Only {there} of {count} hosts joined within {_JOIN_SECONDS} s. Look at their logs.")
        time.sleep(0.5)


def _require_answer(address: str) -> None:
    """Ray itself would try for a quarter of an hour."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    expected = "the address of a Ray cluster that is up, such as 10.0.0.5:6379"
    if not host or not port.isdecimal():
        raise ConfigurationError(key=SETTING, found=address, expected=expected)
    try:
        socket.create_connection((host, int(port)), timeout=_ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ConfigurationError(key=SETTING, found=address, expected=f"{expected} ({error})") from error


def folders_of(value: object) -> set[Path]:
    """The folders that a shard names: its paths (the folder of a file), and those of file:// stores.

    >>> sorted(map(str, folders_of([("CA_1", Path("/tmp"))])))
    ['/tmp']
    """
    if isinstance(value, Path):
        return {next(folder for folder in (value, *value.parents) if folder.is_dir())}
    if isinstance(value, str) and value.startswith("file://"):
        return folders_of(Path(unquote(urlparse(value).path)))
    if isinstance(value, list | tuple):
        return {folder for one in value for folder in folders_of(one)}
    if is_dataclass(value):
        return folders_of([getattr(value, field.name) for field in fields(value)])
    return set()


@cache
def code_here() -> str:
    """A digest of this package's code and of the Python that runs it."""
    package = Path(retail_forecast.__file__).parent
    code = (file.read_bytes() for file in sorted(package.rglob("*.py")))
    return f"Python {sys.version_info[0]}.{sys.version_info[1]}, code {hashlib.sha256(b''.join(code)).hexdigest()[:12]}"


def living_nodes() -> list[dict[str, Any]]:
    """What Ray says of each node of the cluster that this process belongs to."""
    import ray

    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return [node for node in nodes if node["Alive"]]


def _check_nodes(folders: set[Path]) -> None:
    """Each node must have the code that runs here, and read what is written here."""
    token = secrets.token_hex(8)
    probes = [folder / f".retail-forecast-{token}" for folder in sorted(folders)]
    try:
        for probe in probes:
            probe.write_text(token)
        for node in living_nodes():
            _judge(node["NodeManagerAddress"], _ask(node["NodeID"], [str(probe) for probe in probes]), folders)
    finally:
        for probe in probes:
            probe.unlink(missing_ok=True)


def _ask(node: str, probes: list[str]) -> tuple[str, list[str]]:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    there = NodeAffinitySchedulingStrategy(node_id=node, soft=False)
    options: dict[str, Any] = {"num_cpus": 0, "scheduling_strategy": there}
    task: Any = ray.remote(**options)(_look_around)
    try:
        found: tuple[str, list[str]] = ray.get(task.remote(probes), timeout=_PROBE_SECONDS)
    except ray.exceptions.RayError as error:
        why = f"Node {node} of the Ray cluster cannot run this package: {error} Install the same image on every node."
        raise TrainingError(why) from error
    return found


def _look_around(probes: list[str]) -> tuple[str, list[str]]:
    """On a node: its code, and the folders whose probe it does not see."""
    return code_here(), [str(Path(probe).parent) for probe in probes if not Path(probe).is_file()]


def _judge(address: str, found: tuple[str, list[str]], folders: set[Path]) -> None:
    code, unseen = found
    if code != code_here():
        raise TrainingError(
            f"Node {address} of the Ray cluster has {code}, but this process {code_here()}: forecasts would depend on "
            "where a shard runs. Give every node the same image."
        )
    if unseen:
        raise TrainingError(
            f"Node {address} of the Ray cluster does not see {unseen[0]}, where shards find their files "
            f"({len(folders)} folders are needed). Mount it there at the same path: RETAIL_FORECAST_HOME and TMPDIR on "
            "a shared file system."
        )
