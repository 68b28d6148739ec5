"""What assets, checks and sensors are handed: the platform of one home, and the ports that the settings choose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

import dagster as dg

from retail_forecast.dataset import Dataset
from retail_forecast.errors import ConfigurationError
from retail_forecast.lake import Lake, Store, open_lake, open_store
from retail_forecast.lake.sightings import EventArrivals
from retail_forecast.lake.sqs import SqsQueue
from retail_forecast.models import Recipe
from retail_forecast.settings import Settings
from retail_forecast.telemetry.metrics import open_metrics
from retail_forecast.telemetry.notifier import open_notifier
from retail_forecast.training.recipes import chosen_recipe

if TYPE_CHECKING:
    from retail_forecast.registry import ModelRegistry
    from retail_forecast.serving import Endpoint
    from retail_forecast.training import Trainer

OnProgress = Callable[[str, int, int], None]
"""(what, done, all)"""


@dataclass(frozen=True)
class Platform:
    """Settings, dataset and stores of one home.

    cutoff: pretend that only the sales up to this date existed. on_progress: told of long work.
    """

    settings: Settings
    dataset: Dataset
    cutoff: date | None = None
    on_progress: OnProgress | None = None

    @cached_property
    def lake(self) -> Lake:
        """The lake."""
        return open_lake(self.settings.lake, **self._bucket)

    @cached_property
    def landing(self) -> Store:
        """The landing."""
        return open_store(self.settings.landing, **self._bucket)

    def events(self) -> EventArrivals | None:
        """The landing's events, if the settings name their queue. Raises ConfigurationError without a landing on S3."""
        settings = self.settings
        if settings.arrivals_queue_url is None:
            return None
        if not self.landing.is_s3:
            key, expected = (
                "RETAIL_FORECAST_LANDING_URL",
                "s3://bucket/prefix, as RETAIL_FORECAST_ARRIVALS_QUEUE_URL is set",
            )
            raise ConfigurationError(key=key, found=settings.landing, expected=expected)
        return EventArrivals(self.landing, self._queue)

    @cached_property
    def _queue(self) -> SqsQueue:
        settings = self.settings
        return SqsQueue(
            str(settings.arrivals_queue_url),
            settings.aws_region,
            settings.arrivals_dead_letter_url,
            settings.arrivals_visibility_seconds,
        )

    @property
    def _bucket(self) -> dict[str, str | None]:
        return {"region": self.settings.aws_region, "kms_key": self.settings.lake_kms_key}

    @cached_property
    def recipe(self) -> Recipe:
        """What a training follows: the preset of the settings as it suits the dataset, or the file they name."""
        return chosen_recipe(self.settings, self.dataset)

    def progress(self, what: str) -> Callable[[int, int], None] | None:
        """Reports (done, all) under a name; None if nobody listens."""
        if self.on_progress is None:
            return None
        listener = self.on_progress
        return lambda done, total: listener(what, done, total)


def build_resources(platform: Platform, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Resources by key; each port is opened, and its libraries imported, by the run that uses it.

    `overrides` replace them, in tests above all.
    """
    settings = platform.settings
    return {
        "platform": platform,
        "trainer": dg.ResourceDefinition(lambda _: _open_trainer(settings)),
        "registry": dg.ResourceDefinition(lambda _: _open_registry(settings)),
        "endpoint_port": dg.ResourceDefinition(lambda _: _open_endpoint(settings)),
        "notifier": dg.ResourceDefinition(lambda _: open_notifier(settings)),
        "metrics": dg.ResourceDefinition(lambda _: open_metrics(settings)),
        **overrides,
    }


def _open_trainer(settings: Settings) -> Trainer:
    from retail_forecast.training import open_trainer

    return open_trainer(settings)


def _open_registry(settings: Settings) -> ModelRegistry:
    from retail_forecast.registry import open_registry

    return open_registry(settings)


def _open_endpoint(settings: Settings) -> Endpoint:
    from retail_forecast.serving import open_endpoint

    return open_endpoint(settings)
