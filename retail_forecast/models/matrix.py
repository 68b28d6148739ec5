"""Sales of many series as one matrix, for models that step through time for all series at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

SERIES = ["store_id", "item_id"]


@dataclass(frozen=True)
class SalesMatrix:
    """Units [N, T]: row i is row i of `series`; the last column is the cutoff; NaN where nothing is known."""

    series: pl.DataFrame
    units: NDArray[np.float64]

    def as_forecasts(self, mean: NDArray[np.float64], future_dates: Sequence[date]) -> pl.DataFrame:
        """One row per series and future date: store_id, item_id, date, mean (units). `mean` is [N, H]."""
        dates = pl.Series("date", np.tile(np.array(future_dates, dtype="datetime64[D]"), self.series.height))
        repeated = self.series.select(pl.all().repeat_by(len(future_dates)).explode())
        return repeated.with_columns(date=dates.cast(pl.Date), mean=pl.Series(mean.ravel()).cast(pl.Float32))


def build_matrix(sales: pl.DataFrame, *, cutoff: date, period_days: int) -> SalesMatrix:
    """The sales at or before `cutoff` of every series that has any row there, sorted by series."""
    seen = sales.lazy().filter(pl.col("date") <= cutoff).select(*SERIES, "date", "units_sold").collect()
    series = seen.select(SERIES).unique().sort(SERIES)
    ages = seen.select(age=(pl.lit(cutoff) - pl.col("date")).dt.total_days() // period_days)["age"].to_numpy()
    periods = int(ages.max()) + 1 if len(ages) else 1
    rows = seen.join(series.with_row_index("row"), on=SERIES, how="left", maintain_order="left")["row"].to_numpy()
    units = np.full((series.height, periods), np.nan)
    units[rows, periods - 1 - ages] = seen["units_sold"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return SalesMatrix(series, units)
