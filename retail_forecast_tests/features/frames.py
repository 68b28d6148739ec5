"""Small frames written by hand, for the tests of the features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import polars as pl

from retail_forecast.features import FeatureSpec, build_features

MONDAY = date(2024, 1, 1)
SALES = {"store_id": pl.String, "item_id": pl.String, "date": pl.Date, "units_sold": pl.Float32}


def day(number: int, *, step: int = 1, first: date = MONDAY) -> date:
    """The date of period `number`, counted from zero."""
    return first + timedelta(days=number * step)


def sales_of(units: Mapping[tuple[str, str], Sequence[float | None]], *, step: int = 1) -> pl.LazyFrame:
    """One row per series and period; None is a period that was not delivered."""
    rows = [
        (store, item, day(number, step=step), value)
        for (store, item), values in units.items()
        for number, value in enumerate(values)
        if value is not None
    ]
    return pl.LazyFrame(rows, schema=SALES, orient="row")


def features_of(
    sales: pl.LazyFrame,
    spec: FeatureSpec,
    *,
    cutoff: date,
    start: date | None = None,
    covariates: Mapping[str, pl.LazyFrame] | None = None,
    attributes: Mapping[str, pl.LazyFrame] | None = None,
) -> pl.DataFrame:
    """The features as a frame."""
    lazy = build_features(sales, covariates or {}, attributes or {}, spec, cutoff=cutoff, start=start)
    return lazy.collect(engine="in-memory")


def row_of(frame: pl.DataFrame, date: date, *, store: str = "A", item: str = "x") -> dict[str, object]:
    """The one row of a series and date."""
    found = frame.filter(store_id=store, item_id=item, date=date)
    assert found.height == 1, f"{found.height} rows for {store}, {item}, {date}"
    return found.row(0, named=True)
