"""History as one matrix: small enough for 30,000 series over five years, quick to sum along any level."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retail_forecast.evaluation.hierarchy import SERIES


@dataclass(frozen=True)
class Panel:
    """Units sold as [N, P]: row i is row i of `series`, column j is `dates[j]`, rising."""

    series: pl.DataFrame
    dates: NDArray[np.datetime64]
    units: NDArray[np.float32]

    def periods_until(self, cutoff: date) -> int:
        """How many columns a model that stands at `cutoff` may see."""
        return int(np.searchsorted(self.dates, np.datetime64(cutoff), side="right"))


def build_panel(history: pl.LazyFrame, series: pl.DataFrame, *, last: date, absent: float = 0.0) -> Panel:
    """The sales of `series` up to `last`, one row of which is one (store_id, item_id).

    A period without a row sold nothing, or `absent`; a period in which no series has a row is left out. The rows are
    streamed into the matrix, so the peak is its size (4 bytes a cell) and some batches.
    """
    seen = history.filter(pl.col("date") <= last)
    dates = seen.select(pl.col("date").unique().sort()).collect(engine="streaming")
    axis = dates.with_columns(period=pl.int_range(pl.len(), dtype=pl.UInt32))
    units = np.full((series.height, axis.height), absent, dtype=np.float32)
    rows = (
        seen.select(*SERIES, "date", units=pl.col("units_sold").cast(pl.Float32).fill_null(0))
        .join(numbered(series).lazy(), on=SERIES, how="inner")
        .join(axis.lazy(), on="date", how="inner")
        .select("row", "period", "units")
    )
    for batch in rows.collect_batches(chunk_size=1_000_000, maintain_order=False, engine="streaming"):
        units[batch["row"].to_numpy(), batch["period"].to_numpy()] = batch["units"].to_numpy()
    return Panel(series, dates["date"].to_numpy().astype("datetime64[D]"), units)


def numbered(series: pl.DataFrame) -> pl.DataFrame:
    """One row per series with the row it has in every matrix."""
    return series.select(*SERIES, row=pl.int_range(pl.len(), dtype=pl.UInt32))
