"""What was deployed without a run, as Dagster is told of it."""

from typing import Any

import dagster as dg

from retail_forecast.orchestration.arrivals import DATA_VERSION
from retail_forecast.orchestration.instance import open_instance
from retail_forecast.serving import Deployment
from retail_forecast.settings import Settings


def report_deployment(settings: Settings, deployed: Deployment) -> None:
    """The asset `endpoint` is what a command made it, so that no sensor makes it again."""
    numbers: dict[str, Any] = {"replicas": deployed.replicas, "seconds": deployed.seconds}
    shown = {"url": dg.MetadataValue.url(f"{deployed.url}/docs"), "vintage": str(deployed.vintage), **numbers}
    event = dg.AssetMaterialization("endpoint", metadata=shown, tags={DATA_VERSION: str(deployed.vintage)})
    with open_instance(settings) as instance:
        instance.report_runless_asset_event(event)
