"""What of the lake the training and the endpoint still need, and the removal of the rest."""

from collections.abc import Collection
from datetime import UTC, datetime

import dagster as dg

from retail_forecast.lake.retention import Removed
from retail_forecast.orchestration.arrivals import DATA_VERSION
from retail_forecast.orchestration.resources import Platform
from retail_forecast.orchestration.training_run import made_artifacts
from retail_forecast.pipeline.retention import Keep, prune_lake


def prune(platform: Platform, *, served: Collection[str], now: datetime | None = None) -> Removed:
    """Removes from the lake what the settings do not keep. served: vintages from which the endpoint answers."""
    keep = Keep(platform.settings.keep_vintages, platform.settings.keep_days, served)
    artifacts = made_artifacts(platform.lake)
    return prune_lake(platform.lake, platform.dataset, keep, artifacts=artifacts, now=now or datetime.now(UTC))


def deployed_vintage(instance: dg.DagsterInstance) -> str | None:
    """The vintage with which the endpoint was deployed last, or None before the first deployment."""
    event = instance.get_latest_materialization_event(dg.AssetKey("endpoint"))
    deployed = event.asset_materialization if event is not None else None
    return (deployed.tags or {}).get(DATA_VERSION) if deployed is not None else None
