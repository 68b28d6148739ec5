"""The checks of `doctor`: each looks at one thing and says how to mend it."""

from __future__ import annotations

import ctypes
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from typing import Literal

from retail_forecast.cli.home import port_is_taken
from retail_forecast.cli.processes import read_notes
from retail_forecast.errors import AwsError, ConfigurationError, KubernetesError, NotFoundError, RetailForecastError
from retail_forecast.settings import Settings

_LEAST_FREE_GB = 5
_WANTED_FREE_GB = 20
_PINNED = {"dagster": "1.13.27", "dagster-webserver": "1.13.27"}
_SET = {"dagster-aws": "0.29.27", "dagster-k8s": "0.29.27", "dagster-postgres": "0.29.27"}


@dataclass(frozen=True)
class Finding:
    """Outcome of one check; `mend` says what to do unless all is well."""

    check: str
    state: Literal["ok", "warn", "fail"]
    found: str
    mend: str = ""


def examine(settings: Settings) -> list[Finding]:
    """All findings, in the order in which a newcomer would want to mend them."""
    checks = (_python(), _packages(), _openmp(), _dataset(settings), _places(settings), _arrivals(settings))
    return [
        *chain(*checks),
        *_disk(settings),
        *_services(settings),
        *_auth(settings),
        *_ports(settings),
        *_rayservice(settings),
    ]


def _python() -> Iterator[Finding]:
    found = ".".join(map(str, sys.version_info[:3]))
    supported = (3, 11) <= sys.version_info[:2] < (3, 14)
    yield Finding("python", "ok" if supported else "fail", found, "" if supported else "Use Python 3.11, 3.12 or 3.13.")


def _packages() -> Iterator[Finding]:
    for name, wanted in {**_PINNED, **_SET}.items():
        try:
            found = version(name)
        except PackageNotFoundError:
            if name in _PINNED:
                yield Finding(name, "fail", "not installed", "Run `make install`.")
            continue
        good = found == wanted
        yield Finding(name, "ok" if good else "fail", found, "" if good else f"Expected {wanted}: run `make install`.")


def _openmp() -> Iterator[Finding]:
    try:
        ctypes.CDLL("libgomp.so.1" if sys.platform == "linux" else "libomp.dylib")
    except OSError as error:
        mend = "LightGBM needs it: apt-get install libgomp1 (macOS: brew install libomp)."
        yield Finding("openmp", "fail" if sys.platform == "linux" else "warn", str(error), mend)
    else:
        yield Finding("openmp", "ok", "found")


def _dataset(settings: Settings) -> Iterator[Finding]:
    from retail_forecast.dataset import load_dataset

    path = settings.dataset_path
    if not path.exists():
        yield Finding("dataset", "warn", f"no {path}", "Run `retail-forecast demo` or `retail-forecast import …`.")
        return
    try:
        dataset = load_dataset(path)
    except RetailForecastError as error:
        yield Finding("dataset", "fail", str(error), f"Mend {path}; docs/configuration.md lists its keys.")
        return
    yield Finding("dataset", "ok", f"{dataset.name}: {dataset.frequency}, {dataset.horizon} periods ahead")


def _places(settings: Settings) -> Iterator[Finding]:
    places = {"landing": settings.landing, "lake": settings.lake, "compute_logs": settings.compute_logs_url}
    for name, url in places.items():
        if url is None:
            continue
        try:
            _try_place(url, settings, read_only=name == "landing")
        except AwsError as error:
            yield Finding(name, "fail", str(error).removesuffix(f" {error.fix}"), error.fix)
        except Exception as error:  # noqa: BLE001 a store may refuse in any way, and the finding tells it
            yield Finding(
                name, "fail", f"{url}: {error}", f"Make it writable, or set RETAIL_FORECAST_{name.upper()}_URL."
            )
        else:
            yield Finding(name, "ok", url)


def _try_place(url: str, settings: Settings, *, read_only: bool) -> None:
    """Writes and deletes an object that no listing shows; from a bucket that is only read, asks for it."""
    from retail_forecast.lake import open_store

    impatient = {"retry_config": {"max_retries": 2}} if url.startswith("s3") else {}
    store = open_store(url, region=settings.aws_region, kms_key=settings.lake_kms_key, **impatient)
    if read_only and store.is_s3:
        with suppress(NotFoundError):
            store.read(".doctor")
        return
    store.write(".doctor", b"")
    store.delete(".doctor")


def _arrivals(settings: Settings) -> Iterator[Finding]:
    if settings.arrivals_queue_url is None:
        return
    from retail_forecast.lake.sqs import SqsQueue

    queue, dead = SqsQueue(settings.arrivals_queue_url, settings.aws_region), settings.arrivals_dead_letter_url
    try:
        yield Finding("arrivals queue", "ok", f"about {queue.waiting()} events wait")
        if dead is None:
            mend = "Set RETAIL_FORECAST_ARRIVALS_DEAD_LETTER_URL: events that cannot be used come again and again."
            yield Finding("dead letters", "warn", "no queue for them", mend)
        elif count := queue.waiting(dead):
            mend = "Their attribute `reason` says why. Purge the queue when you have seen them."
            yield Finding("dead letters", "warn", f"about {count} events could not be used", mend)
        else:
            yield Finding("dead letters", "ok", "none")
    except AwsError as error:
        yield Finding("arrivals queue", "fail", str(error).removesuffix(f" {error.fix}"), error.fix)


def _disk(settings: Settings) -> Iterator[Finding]:
    folder = settings.home.resolve()
    while not folder.exists():
        folder = folder.parent
    free_gb = shutil.disk_usage(folder).free / 1e9
    state: Literal["ok", "warn", "fail"] = "ok"
    if free_gb < _WANTED_FREE_GB:
        state = "warn" if free_gb >= _LEAST_FREE_GB else "fail"
    mend = "" if state == "ok" else f"The demo takes 1 GB, the M5 up to {_WANTED_FREE_GB} GB. Make room."
    yield Finding("disk", state, f"{free_gb:.0f} GB free at {folder}", mend)


def _services(settings: Settings) -> Iterator[Finding]:
    for note in read_notes(settings.home / "run"):
        if note.is_orphaned():
            mend = f"Its command is gone. The next `dev` or `demo` stops it; or: kill {note.pid}"
            yield Finding(note.name, "warn", f"left over, process {note.pid}", mend)
        elif note.is_alive():
            yield Finding(note.name, "ok", f"runs, process {note.pid}")
        else:
            mend = f"It crashed; {settings.home / 'run' / note.name}.log says why. The next start tidies up."
            yield Finding(note.name, "warn", f"process {note.pid} is gone", mend)


def _ports(settings: Settings) -> Iterator[Finding]:
    from retail_forecast.serving.processes import running_host, serve_folder

    ui_runs = any(note.is_alive() for note in read_notes(settings.home / "run"))
    api_runs = running_host(serve_folder(settings)) is not None
    ours_by_port = {"ui_port": ui_runs}
    if settings.endpoint == "local":
        ours_by_port |= {"api_port": api_runs, "ray_dashboard_port": api_runs}
    for name, ours in ours_by_port.items():
        port = getattr(settings, name)
        if not port_is_taken(settings.host, port):
            yield Finding(name, "ok", f"{port} is free")
        elif ours:
            yield Finding(name, "ok", f"{port} is used by this home")
        else:
            mend = f"Stop what listens there, or set RETAIL_FORECAST_{name.upper()}."
            yield Finding(name, "warn", f"{port} is in use by another process", mend)


def _auth(settings: Settings) -> Iterator[Finding]:
    """Whether it is settled who may ask the API, and whether anybody could."""
    from retail_forecast.serving.security.keys import read_keys
    from retail_forecast.serving.security.policy import auth_mode, is_loopback

    try:
        mode = auth_mode(settings)
        keys = len(read_keys(settings.keys_path).keys) if "keys" in mode and settings.endpoint == "local" else None
    except ConfigurationError as error:
        yield Finding("auth", "fail", str(error), f"Set {error.key}; docs/security.md says how.")
        return
    if mode == "off" and not (settings.endpoint == "local" and is_loopback(settings.host)):
        yield Finding("auth", "warn", "off: whoever reaches the API may ask it", "Set RETAIL_FORECAST_AUTH=keys.")
    elif keys == 0 and mode == "keys":
        mend = "Make one: retail-forecast keys create NAME --scope forecasts:read"
        yield Finding("auth", "warn", f"keys, but {settings.keys_path} holds none", mend)
    else:
        yield Finding("auth", "ok", mode if keys is None else f"{mode}, {keys} in {settings.keys_path}")


def _rayservice(settings: Settings) -> Iterator[Finding]:
    """Whether it may be read and patched, and is one that this version understands; nothing is changed."""
    if settings.endpoint != "kuberay":
        return
    from retail_forecast.serving.kubernetes import RayServices

    rayservice = RayServices(settings.kubernetes_namespace, settings.rayservice)
    try:
        found = rayservice.read()
        rayservice.patch(found.patch(found.config, found.image), dry_run=True)
    except KubernetesError as error:
        yield Finding("rayservice", "fail", str(error).removesuffix(f" {error.fix}"), error.fix)
    except RetailForecastError as error:
        yield Finding("rayservice", "fail", str(error), "docs/endpoint-on-kubernetes.md says what it needs.")
    else:
        scale = found.scale
        yield Finding("rayservice", "ok", f"{found.image}, {scale.least} to {scale.most} replicas; may be patched")
