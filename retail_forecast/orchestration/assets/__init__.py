"""The assets: one module per stage of the graph. A body reads, calls one step of the pipeline, and reports."""

from typing import Any

from retail_forecast import __version__

DATA_TEAM = "team:data"
FORECASTING_TEAM = "team:forecasting"


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
