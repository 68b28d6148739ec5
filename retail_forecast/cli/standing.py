"""What `status` tells of a home, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retail_forecast.dataset import Dataset
    from retail_forecast.lake import Lake
    from retail_forecast.settings import Settings

_SHOWN_REJECTED = 10


def describe_standing(settings: Settings, dataset: Dataset) -> Iterator[tuple[str, str]]:
    """(subject, sentence) pairs."""
    from retail_forecast.lake import open_lake

    lake = open_lake(settings.lake)
    yield "dataset", f"{dataset.name}: {dataset.frequency}, {dataset.horizon} periods ahead ({settings.dataset_path})"
    yield from _tables(lake, dataset)
    yield from _vintage(lake)
    yield "champion", _champion(settings)
    yield "endpoint", _endpoint(settings)
    yield from _rejected(lake, dataset)


def _tables(lake: Lake, dataset: Dataset) -> Iterator[tuple[str, str]]:
    for name in dataset.tables:
        manifest = lake.table(name).manifest()
        last = f", until {max(manifest.parts)}" if manifest.parts and name == "sales" else ""
        rows = f"{manifest.rows:,} rows{last}, published {manifest.published_at}"
        yield name, rows if manifest.parts else "not published yet"


def _vintage(lake: Lake) -> Iterator[tuple[str, str]]:
    from retail_forecast.lake.vintages import latest_vintage

    vintage = latest_vintage(lake)
    if vintage is None:
        yield "forecasts", "none published; run `retail-forecast run`"
        return
    age = (datetime.now(UTC).date() - datetime.fromisoformat(vintage.cutoff).date()).days
    text = f"vintage {vintage.id}, {vintage.series:,} series, {vintage.horizon} periods after {vintage.cutoff}"
    text += f" ({age} day{'s' if age != 1 else ''} ago)"
    yield "forecasts", f"{text}, made {vintage.created_at} by model {vintage.model_version}"


def _champion(settings: Settings) -> str:
    from retail_forecast.registry import open_registry

    champion = open_registry(settings).champion()
    if champion is None:
        return "none yet"
    return f"model {champion.version}, trained on sales until {champion.training_cutoff}"


def _endpoint(settings: Settings) -> str:
    from retail_forecast.serving.endpoint import open_endpoint

    status = open_endpoint(settings).status()
    if status.state == "down":
        return "down; `retail-forecast serve` starts it"
    wanted = f" (wanted: {status.wanted}; {status.error})" if status.wanted != status.active else ""
    return f"{status.state} on {status.url}, answers from vintage {status.active}{wanted}"


def _rejected(lake: Lake, dataset: Dataset) -> Iterator[tuple[str, str]]:
    from retail_forecast.pipeline.arrivals import current_ledger

    rejected = current_ledger(lake, dataset).rejected()
    yield "rejected", f"{len(rejected)} files" if rejected else "no files"
    for entry in rejected[:_SHOWN_REJECTED]:
        yield "", f"{entry.object}: {entry.reason} {entry.fix}"
    if len(rejected) > _SHOWN_REJECTED:
        yield "", f"and {len(rejected) - _SHOWN_REJECTED} more"
