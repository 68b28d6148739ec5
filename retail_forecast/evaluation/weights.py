"""What a series weighs in the score: its share of the revenue of the last horizon before the cutoff."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retail_forecast.evaluation.hierarchy import SERIES
from retail_forecast.evaluation.panel import Panel, numbered

PRICE = "sell_price"


def recent_revenue(panel: Panel, *, stop: int, horizon: int, prices: pl.LazyFrame | None) -> NDArray[np.float64]:
    """[N]: units times price over the last `horizon` periods before the stop; units when there are no prices.

    prices: `sell_price` by any of store_id, item_id and date; a dated price holds until the next one. Units
    whose price is not known count at the mean of those that are.
    """
    begin = max(stop - horizon, 0)
    units = panel.units[:, begin:stop].astype(np.float64)
    unpriced: NDArray[np.float64] = units.sum(axis=1)
    if prices is None or not units.any():
        return unpriced
    row, period = np.nonzero(units)
    sold = pl.DataFrame(
        {"row": row.astype(np.uint32), "date": panel.dates[begin:stop][period], "units": units[row, period]}
    ).with_columns(pl.col("date").cast(pl.Date))
    priced = _add_price(sold, numbered(panel.series), prices)
    value = pl.col("units") * pl.col(PRICE).fill_null(pl.col(PRICE).mean())
    revenue = priced.group_by("row").agg(value.sum().alias("revenue"))
    total = np.zeros(panel.series.height)
    total[revenue["row"].to_numpy()] = revenue["revenue"].fill_null(0.0).to_numpy()
    return total if total.sum() > 0 else unpriced


def _add_price(sold: pl.DataFrame, series: pl.DataFrame, prices: pl.LazyFrame) -> pl.DataFrame:
    columns = prices.collect_schema().names()
    keys = [key for key in SERIES if key in columns]
    sold = sold.join(series, on="row")
    if "date" not in columns:
        return sold.join(prices.select(*keys, PRICE).collect(), on=keys, how="left")
    last = sold["date"].max()
    known = prices.select(*keys, "date", pl.col(PRICE).cast(pl.Float64)).filter(pl.col("date") <= last)
    return sold.sort("date").join_asof(
        known.collect(engine="streaming").sort("date"),
        on="date",
        by=keys or None,
        strategy="backward",
        check_sortedness=False,
    )
