"""A lake with the sales of one shop, small enough to work out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from retail_forecast.dataset import Dataset
from retail_forecast.lake import Lake, open_lake
from retail_forecast.lake.tables import NewPart
from retail_forecast.lake.vintages import Vintage, publish_vintage

START = date(2024, 1, 1)


def small_dataset(**changes: object) -> Dataset:
    """Daily sales of one shop, four days ahead."""
    plain: dict[str, object] = {
        "name": "small",
        "frequency": "1d",
        "start_date": START,
        "horizon": 4,
        "tables": {"sales": {}},
    }
    return Dataset.model_validate(plain | changes)


def new_lake(folder: Path) -> Lake:
    """An empty lake."""
    return open_lake((folder / "lake").as_uri())


def publish_days(lake: Lake, units: Mapping[str, list[float]], *, start: date = START) -> None:
    """Publishes one day per entry of the lists: units sold by item."""
    days = range(len(next(iter(units.values()))))
    lake.table("sales").publish({(start + timedelta(days=i)).isoformat(): _day(units, start, i) for i in days})


def _day(units: Mapping[str, list[float]], start: date, index: int) -> NewPart:
    day = start + timedelta(days=index)
    rows = [("s", item, day, sold[index]) for item, sold in units.items()]
    schema = {"store_id": pl.String, "item_id": pl.String, "date": pl.Date, "units_sold": pl.Float32}
    return NewPart(pl.DataFrame(rows, schema=schema, orient="row"))


def publish_constant_vintage(
    lake: Lake,
    folder: Path,
    cutoff: date,
    mean: Mapping[str, float],
    *,
    id: str,
    horizon: int = 4,
    total: float | None = None,
) -> Vintage:
    """Publishes a vintage that forecasts the same units of an item every day, with one more as its quantile 0.9.

    total: the quantile 0.9 of the level above; without it there is none.
    """
    rows = [
        ("s", item, cutoff + timedelta(days=lead), lead, value, value + 1)
        for item, value in mean.items()
        for lead in range(1, horizon + 1)
    ]
    schema = {"store_id": pl.String, "item_id": pl.String, "date": pl.Date, "lead": pl.Int16}
    schema |= {"mean": pl.Float32, "q0.9": pl.Float32}
    forecasts = pl.DataFrame(rows, schema=schema, orient="row")
    vintage = Vintage(
        id=id,
        dataset="small",
        frequency="1d",
        cutoff=cutoff.isoformat(),
        horizon=horizon,
        quantiles=(0.9,),
        model_version="1",
        model={},
        inputs={},
        fingerprint=id,
        code_version="1",
        created_at="2024-02-01T00:00:00+00:00",
        rows=forecasts.height,
        series=len(mean),
        levels=() if total is None else ("total",),
    )
    days = forecasts.group_by("date", "lead", maintain_order=True).agg(pl.col("mean").sum())
    names = {"level": pl.lit("total"), "group": pl.lit("total"), "q0.9": pl.lit(total, dtype=pl.Float32)}
    above = None if total is None else days.with_columns(**names)
    return publish_vintage(lake, vintage, forecasts, forecasts, folder, above)
