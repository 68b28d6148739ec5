"""Prometheus metrics, by vintage and model version.

Where PROMETHEUS_MULTIPROC_DIR is set (the host does so), replicas on a machine share their numbers and whichever is
asked answers for all; otherwise each answers for itself.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import psutil
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

__all__ = ["CONTENT_TYPE_LATEST", "Metrics"]

_SHOWN_EVERY_SECONDS = 0.1
_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class Metrics:
    """The metrics of one replica."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        served = ["vintage", "model_version"]
        self._requests = Counter(
            "retail_forecast_requests",
            "Requests answered.",
            ["method", "route", "status", *served],
            registry=registry,
        )
        self._seconds = Histogram(
            "retail_forecast_request_seconds",
            "Time to answer, in seconds.",
            ["route", *served],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._replicas = Gauge(
            "retail_forecast_replicas",
            "Replicas by the vintage that they serve.",
            served,
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._degraded = Gauge(
            "retail_forecast_degraded_replicas",
            "Replicas that do not serve the vintage that they should.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._failures = Counter(
            "retail_forecast_vintage_failures", "Vintages that could not be loaded.", registry=registry
        )
        self._in_flight_at, self._in_flight_shown = 0.0, 0
        self._in_flight = Gauge(
            "retail_forecast_requests_in_flight",
            "Requests under way, without probes and pages.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._refusals = Counter(
            "retail_forecast_refusals", "Requests that were not let in, by reason.", ["reason"], registry=registry
        )
        self._shown: tuple[str, str] | None = None
        self._children: dict[tuple[str, ...], tuple[Counter, Histogram]] = {}

    def observe(
        self, *, method: str, route: str, status: int, vintage: str, model_version: str, seconds: float
    ) -> None:
        """Counts one answered request."""
        key = (method, route, str(status), vintage, model_version)
        children = self._children.get(key)
        if children is None:  # looking labels up costs more than counting
            children = self._requests.labels(*key), self._seconds.labels(route, vintage, model_version)
            self._children[key] = children
        requests, latency = children
        requests.inc()
        latency.observe(seconds)

    def refuse(self, reason: str) -> None:
        """Counts one request that was not let in: no key, a bad one, a scope too few, too many at once."""
        self._refusals.labels(reason).inc()

    def show_in_flight(self, count: int) -> None:
        """Notes how many requests are under way; of a busy replica ten times a second, for it costs."""
        if count == self._in_flight_shown:
            return
        now = time.monotonic()
        if count == 0 or now - self._in_flight_at > _SHOWN_EVERY_SECONDS:
            self._in_flight_at, self._in_flight_shown = now, count
            self._in_flight.set(count)

    def show(self, *, vintage: str, model_version: str, degraded: bool, failed: bool) -> None:
        """Notes what the replica serves now."""
        if self._shown is not None:
            self._replicas.labels(*self._shown).set(0)
        self._shown = (vintage, model_version)
        self._replicas.labels(*self._shown).set(1)
        self._degraded.set(int(degraded))
        self._failures.inc(int(failed))

    def render(self) -> bytes:
        """The text that Prometheus scrapes."""
        if _FOLDER not in os.environ:
            return generate_latest(self.registry)
        _forget_dead_replicas(Path(os.environ[_FOLDER]))
        registry = CollectorRegistry()
        collect: Any = MultiProcessCollector  # ships no types for its constructor
        collect(registry)
        return generate_latest(registry)


def _forget_dead_replicas(folder: Path) -> None:
    """A killed replica cannot sign off; without this its gauges would count for ever."""
    for file in folder.glob("gauge_live*.db"):
        if not psutil.pid_exists(int(file.stem.rsplit("_", 1)[1])):
            file.unlink(missing_ok=True)
