"""The assets: one module per stage of the graph. A body reads, calls one step of the pipeline, and reports."""

from collections.abc import Callable
from typing import Any, cast

import dagster as dg

from retail_forecast import __version__

Result = dg.MaterializeResult[Any]

DATA_TEAM = "team:data"
FORECASTING_TEAM = "team:forecasting"

AFTER_SERVING = {"dagster/priority": "-1"}
"""Tags of a step that looks back: in one run with the endpoint, what planners wait for goes first."""


def traits(group: str, owner: str, kinds: set[str], description: str) -> dict[str, Any]:
    """What every asset has: where it belongs, who answers for it, what it is made with, what it is."""
    return {
        "group_name": group,
        "owners": [owner],
        "kinds": kinds,
        "description": description,
        "code_version": __version__,
        "tags": {"stage": group},
    }


def asset(
    *, group: str, owner: str, kinds: set[str], description: str, **options: Any
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """`dg.asset` with the traits; mypy cannot see through its overloads when options are unpacked."""
    decorator = dg.asset(**options, **traits(group, owner, kinds, description))
    return cast("Callable[[Callable[..., Any]], dg.AssetsDefinition]", decorator)
