"""What the lake says of its own state, as measurements: cheap enough for every minute."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from retail_forecast.dataset import Dataset
from retail_forecast.evaluation import ALL_LEVELS, level_name
from retail_forecast.evaluation.drift import ALL_STORES
from retail_forecast.lake import Lake
from retail_forecast.lake.vintages import latest_vintage
from retail_forecast.pipeline.accuracy import ACCURACY, DRIFT
from retail_forecast.pipeline.arrivals import current_ledger
from retail_forecast.telemetry import catalogue
from retail_forecast.telemetry.metrics import Measurement


def measure_lake(lake: Lake, dataset: Dataset, at: datetime) -> list[Measurement]:
    """Freshness, rows, rejected files, errors, drift and ages at that time (UTC). What is not known yet is left out."""
    rows = {name: lake.table(name).manifest().rows for name in dataset.tables}
    tables = [Measurement(catalogue.ROWS, count, dataset.name, at, asset=name) for name, count in rows.items()]
    rejected = len(current_ledger(lake, dataset).rejected())
    state = {
        catalogue.FRESHNESS: _freshness_hours(lake, dataset, at),
        catalogue.REJECTED: rejected,
        catalogue.WRMSSE: _score(lake, ALL_LEVELS, "wrmsse"),
        catalogue.BIAS: _score(lake, level_name(()), "bias"),
        catalogue.DRIFT: _drift(lake),
        **dict(_ages(lake, at)),
    }
    known = {metric: value for metric, value in state.items() if value is not None}
    return [*tables, *(Measurement(metric, value, dataset.name, at) for metric, value in known.items())]


def _freshness_hours(lake: Lake, dataset: Dataset, at: datetime) -> float | None:
    parts = lake.table("sales").manifest().parts
    if not parts:
        return None
    end = date.fromisoformat(max(parts)) + timedelta(days=dataset.period_days)
    return _hours(at - datetime.combine(end, time(), UTC))


def _score(lake: Lake, level: str, metric: str) -> float | None:
    scores = lake.table(ACCURACY).scan()
    if scores is None:
        return None
    overall = scores.filter(pl.col("value").is_finite(), level=level, metric=metric)
    mean: float | None = overall.select(pl.col("value").mean()).collect().item()
    return mean


def _drift(lake: Lake) -> float | None:
    table = lake.table(DRIFT).scan()
    if table is None:
        return None
    index = table.filter(pl.col("psi").is_finite(), store_id=ALL_STORES).select(pl.col("psi").first()).collect()
    value: float | None = index.item() if index.height else None
    return value


def _ages(lake: Lake, at: datetime) -> Iterator[tuple[catalogue.Metric, float]]:
    vintage = latest_vintage(lake)
    if vintage is None:
        return
    yield catalogue.VINTAGE_AGE, _hours(at - datetime.fromisoformat(vintage.created_at))
    if (cutoff := vintage.model.get("training_cutoff")) is not None:
        yield catalogue.MODEL_AGE, (at.date() - date.fromisoformat(cutoff)).days


def _hours(age: timedelta) -> float:
    return age.total_seconds() / 3600
