"""Every series with every period as one frame, in which stock-outs are looked for; and where series begin."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from retail_forecast.features.lookup import look_up
from retail_forecast.features.spec import KEYS, FeatureSpec
from retail_forecast.features.timeline import Timeline
from retail_forecast.features.units import read_units

_SERIES = ["store_id", "item_id"]


def first_sales(sales: pl.LazyFrame) -> pl.LazyFrame:
    """One row per series that ever sold: `release`, the date of its first sale; sorted by store and item."""
    sold = sales.filter(pl.col("units_sold") > 0)
    return sold.group_by(_SERIES).agg(release=pl.col("date").min()).sort(_SERIES)


def build_periods(first: pl.LazyFrame, last: date, spec: FeatureSpec) -> pl.LazyFrame:
    """One row per period from the one date in `first` to `last`: `period` counts from zero."""
    days = spec.period_days
    count = (pl.lit(last) - pl.col("first").first()).dt.total_days() // days
    back = pl.int_range(count, -1, -1).cast(pl.Int64) * days
    return first.select(date=pl.lit(last) - pl.duration(days=back)).with_row_index("period")


def build_grid(
    series: pl.LazyFrame, periods: pl.LazyFrame, sales: pl.LazyFrame, spec: FeatureSpec, *, cutoff: date
) -> pl.LazyFrame:
    """One row per series and period, sorted; `_units` is what is known to have sold, null where nothing is known.

    `_filled` is `_units` with zero for unknown and `_known` is 1.0 where it is known. The tables are read at once.
    """
    owners, dates = series.collect(), periods.collect()
    first: date = dates["date"][0]
    timeline = Timeline(spec, first, dates.height, (cutoff - first).days // spec.period_days, np.arange(0))
    rows = look_up(sales.select(*KEYS, "units_sold"), KEYS, owners, timeline)
    born = timeline.place_of(owners["release"], later=True)
    units = read_units(rows.matrix("units_sold")[rows.entity], born, timeline)
    sold, known = units.sold.ravel(), units.known.ravel()
    filled = units.filled.ravel().astype(np.float64)
    return owners.lazy().join(dates.lazy(), how="cross", maintain_order="left_right").with_columns(
        pl.Series("units_sold", sold, nan_to_null=True),
        pl.Series("_units", np.where(known, filled, np.nan), nan_to_null=True),
        pl.Series("_filled", filled),
        pl.Series("_known", known.astype(np.float64)),
    )  # fmt: skip


def rolling_mean(filled: str, known: str, window: int) -> pl.Expr:
    """Mean of the known values in the `window` periods that end with each row; null if none is known."""
    total, count = (pl.col(name).rolling_sum(window) for name in (filled, known))
    return pl.when(count > 0).then(total / count).cast(pl.Float32)
