"""What Dagster loads: the graph of the home that the settings name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import dagster as dg

from retail_forecast.dataset import Dataset, load_dataset
from retail_forecast.ingest.shop import shop_dataset
from retail_forecast.orchestration.graph import build_graph
from retail_forecast.orchestration.resources import Platform
from retail_forecast.orchestration.run_logs import print_json_lines
from retail_forecast.settings import Settings, load_settings
from retail_forecast.telemetry.logs import configure_logging


def build_defs(settings: Settings, overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """All definitions; `overrides` replace resources by key."""
    return build_graph(Platform(settings, dataset_of(settings)), overrides or {})


def dataset_of(settings: Settings) -> Dataset:
    """The home's dataset. A home without one shows the made-up shop's graph, which then has nothing to read."""
    if not settings.dataset_path.exists() and settings.dataset_file is None:
        return shop_dataset(date(2024, 1, 1), horizon=28)
    return load_dataset(settings.dataset_path)


@dg.definitions
def defs() -> dg.Definitions:
    """The entry point of code servers and of the processes of runs."""
    settings = load_settings()
    configure_logging()
    if settings.log_format == "json":
        print_json_lines()
    return build_defs(settings)
