"""Measurements and where they go. On a laptop: one line of the log per look."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from retail_forecast.settings import Settings
from retail_forecast.telemetry.catalogue import Metric

logger = logging.getLogger("retail_forecast.metrics")


@dataclass(frozen=True)
class Measurement:
    """One value of a metric at one time (UTC). `asset` is given where the metric has that dimension, and only there."""

    metric: Metric
    value: float
    dataset: str
    at: datetime
    asset: str | None = None

    def __post_init__(self) -> None:
        if (self.asset is None) == ("Asset" in self.metric.dimensions):
            raise ValueError(f"{self.metric.name} has the dimensions {self.metric.dimensions}; asset is {self.asset!r}")
        if not math.isfinite(self.value):
            raise ValueError(f"{self.metric.name} is {self.value}; leave out what is not known")

    @property
    def dimensions(self) -> dict[str, str]:
        """Values of the metric's dimensions."""
        return {"Dataset": self.dataset, **({"Asset": self.asset} if self.asset is not None else {})}


class MetricsSink(Protocol):
    """Somewhere that keeps measurements."""

    def publish(self, measurements: Sequence[Measurement]) -> None:
        """Takes them all, or raises RetailForecastError; none at all is fine."""
        ...


class LogMetrics:
    """Writes to the log of the process: a sentence for people, and each measurement as a field."""

    def publish(self, measurements: Sequence[Measurement]) -> None:
        """See MetricsSink."""
        if not measurements:
            return
        named = {one.metric.name + (f".{one.asset}" if one.asset else ""): one.value for one in measurements}
        text = " ".join(f"{name}={value:g}" for name, value in named.items())
        logger.info("%s: %s", measurements[0].dataset, text, extra={"metrics": named})


def now() -> datetime:
    """The present, as a measurement has it."""
    return datetime.now(UTC)


def open_metrics(settings: Settings) -> MetricsSink:
    """The sink that the settings choose."""
    if settings.metrics == "log":
        return LogMetrics()
    from retail_forecast.telemetry.cloudwatch import CloudWatchMetrics

    return CloudWatchMetrics(namespace=settings.metrics_namespace, region=settings.aws_region)
