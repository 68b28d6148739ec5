"""The published tables that features are built from."""

from __future__ import annotations

from datetime import date

import polars as pl

from retail_forecast.errors import NotFoundError
from retail_forecast.features import FeatureSpec
from retail_forecast.lake.tables import Lake


def scan_sales(lake: Lake, *, since: date, until: date) -> pl.LazyFrame:
    """Sales from `since` to `until`. Raises NotFoundError without any."""
    sales = lake.table("sales").scan(since=since, until=until)
    if sales is None:
        raise no_sales(f"from {since} to {until}")
    return sales


def scan_tables(lake: Lake, spec: FeatureSpec) -> dict[str, pl.LazyFrame]:
    """The tables besides sales that are published, by name."""
    tables = {name: lake.table(name).scan() for name in spec.table_names}
    return {name: rows for name, rows in tables.items() if rows is not None}


def no_sales(period: str) -> NotFoundError:
    """What is raised where there are no sales of a period."""
    return NotFoundError(f"Sales {period}", fix="Deliver files of these periods and run the `sales` asset.")
