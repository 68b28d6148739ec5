"""The graph of the home that the environment names, without the sensors and schedules that would start runs of their
own."""

from __future__ import annotations

import dagster as dg

from retail_forecast.definitions import build_defs
from retail_forecast.settings import load_settings


@dg.definitions
def defs() -> dg.Definitions:
    whole = build_defs(load_settings())
    return dg.Definitions(
        assets=whole.assets,
        asset_checks=whole.asset_checks,
        jobs=whole.jobs,
        resources=whole.resources,
        executor=whole.executor,
    )
