"""What sold before the cutoff, and the covariates of then: read from the vintage's files, a row at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from retail_forecast.dataset import SERIES
from retail_forecast.features import CovariateTable, FeatureSpec
from retail_forecast.lake.vintage_history import COVARIATES, UNITS_SOLD
from retail_forecast.serving.table import DECIMALS

Period = dict[str, Any]


@dataclass(frozen=True)
class PastReader:
    """The history of one vintage in a folder: values end with the cutoff's period."""

    folder: Path
    cutoff: date
    spec: FeatureSpec

    def units_sold(self, level: str, group: str, periods: int | None) -> list[Period]:
        """One dict per period, at most so many of the last: date, units_sold (null where nothing is known)."""
        rows = pl.scan_parquet(self.folder / UNITS_SOLD).filter(level=level, group=group).select("units_sold").collect()
        values = rows["units_sold"][0].to_list() if rows.height else []
        wanted = values[-periods:] if periods is not None else values
        step = timedelta(days=self.spec.period_days)
        first = self.cutoff - step * (len(wanted) - 1)
        return [
            {"date": (first + step * place).isoformat(), "units_sold": shown(value)}
            for place, value in enumerate(wanted)
        ]

    def known_future(self, store_id: str, item_id: str, dates: list[str]) -> list[dict[str, Any]]:
        """One dict per date of the past: the values of the covariates that are known ahead, as they were."""
        frame = pl.DataFrame({"date": pl.Series(dates, dtype=pl.String).str.to_date()}).lazy()
        for table in self.spec.covariates:
            file = self.folder / COVARIATES / f"{table.name}.parquet"
            if table.known_future and file.exists():
                rows = _of_series(pl.scan_parquet(file), table, {"store_id": store_id, "item_id": item_id})
                frame = _beside(frame, rows, carry_forward=table.carry_forward)
        names = [name for name in self.spec.known_future if name in frame.collect_schema()]
        return covariate_values(frame.select(names).collect(), self.spec)


def covariate_values(rows: pl.DataFrame, spec: FeatureSpec) -> list[dict[str, Any]]:
    """One dict per row with its covariates that are known ahead, in their own types: features hold numbers only."""
    types: Mapping[str, Any] = {"boolean": pl.Boolean, "integer": pl.Int64}
    kinds = {name: kind for name, kind in spec.known_future.items() if name in rows.columns}
    typed = rows.select(
        pl.col(name).cast(types[kind]) if kind in types else pl.col(name) for name, kind in kinds.items()
    )
    return [{name: shown(value) for name, value in row.items()} for row in typed.iter_rows(named=True)]


def shown(value: Any) -> Any:
    """A number as it is shown: the tables hold Float32."""
    if not isinstance(value, float):
        return value
    return round(value, DECIMALS) + 0.0 if value == value else None


def _of_series(rows: pl.LazyFrame, table: CovariateTable, series: Mapping[str, str]) -> pl.LazyFrame:
    own = {key: series[key] for key in SERIES if key in table.keys}
    return rows.filter(**own).select("date", *table.known_future).sort("date")


def _beside(frame: pl.LazyFrame, rows: pl.LazyFrame, *, carry_forward: bool) -> pl.LazyFrame:
    if carry_forward:
        return frame.join_asof(rows, on="date", strategy="backward")
    return frame.join(rows, on="date", how="left", maintain_order="left")
