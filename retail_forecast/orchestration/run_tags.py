"""Tags by which runs, log lines and vintages find one another; the UI filters runs by them."""

from datetime import date

import dagster as dg

DATASET = "retail_forecast/dataset"
CUTOFF = "retail_forecast/cutoff"
VINTAGE = "retail_forecast/vintage"
REQUEST = "retail_forecast/request"


def tag_run(
    context: dg.AssetExecutionContext,
    *,
    cutoff: date | str | None = None,
    vintage: str | None = None,
    request: str | None = None,
) -> None:
    """Adds to the run what it turned out to be about, once that is known."""
    known = {CUTOFF: cutoff, VINTAGE: vintage, REQUEST: request}
    context.instance.add_run_tags(context.run.run_id, {name: str(value) for name, value in known.items() if value})
