"""The dense grid that every window runs over: every series with every period, sorted, equally long.

Because each series begins with `warm_up` periods that no feature row stands on, a plain shift or rolling sum
over the whole sorted column is right on every row that is kept: what leaks in from the series above it lies
further back than any window reaches. No grouping is needed, and the result depends on the window alone, not on
where the history that was read begins.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import polars as pl

from retail_forecast.features.spec import FeatureSpec

_SERIES = ["store_id", "item_id"]
RESOLUTION = 2.0**16


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

    `_row` counts the rows; `_filled` is `_units` with zero for unknown and `_known` is 1.0 where it is known.
    """
    grid = series.join(periods, how="cross", maintain_order="left_right").with_row_index("_row")
    grid = grid.join(_rows_of(sales, series, periods, spec), on="_row", how="left", maintain_order="left")
    units = pl.col("units_sold")
    in_life = (pl.col("date") >= pl.col("release")) & (pl.col("date") <= cutoff)
    units = pl.when(in_life).then(units.fill_null(0) if spec.missing_periods == "zero" else units)
    grid = grid.with_columns(units_sold=units.cast(pl.Float32), _units=exact(units))
    return grid.with_columns(
        _filled=pl.col("_units").fill_null(0.0), _known=pl.col("_units").is_not_null().cast(pl.Float64)
    )


def _rows_of(sales: pl.LazyFrame, series: pl.LazyFrame, periods: pl.LazyFrame, spec: FeatureSpec) -> pl.LazyFrame:
    """One row per sale: its row in the grid. Joining on one number is far faster than on series and date."""
    sales = sales.join(series.select("series", *_SERIES), on=_SERIES, how="left").drop_nulls("series")
    sales = sales.join(periods.with_columns(_length=pl.len()), on="date")
    row = pl.col("series") * pl.col("_length") + pl.col("period")
    return sales.select("units_sold", *spec.sales_values, _row=row.cast(pl.get_index_type()))


def exact(value: pl.Expr) -> pl.Expr:
    """Float64 in steps of 2⁻¹⁶, whose sums are exact in any order: equal windows give equal features, bit for bit."""
    return (value.cast(pl.Float64) * RESOLUTION).round() / RESOLUTION


def rolling_mean(filled: str, known: str, window: int) -> pl.Expr:
    """Mean of the known values in the `window` periods that end with each row; null if none is known."""
    return share(pl.col(filled).rolling_sum(window), pl.col(known).rolling_sum(window))


def add_leads(grid: pl.LazyFrame, spec: FeatureSpec, *, cutoff: date) -> pl.LazyFrame:
    """The grid and `lead`: how many periods each row lies after the last of the rolling cutoffs before it, 1 to H.

    Those are the cutoff and every horizon before it, so rows of the past are what a forecast had to go by then.
    """
    periods = (pl.col("date") - pl.lit(cutoff)).dt.total_days() // spec.period_days
    return grid.with_columns(lead=((periods - 1) % spec.horizon + 1).cast(pl.Int32))


def as_known(value: pl.Expr, spec: FeatureSpec, shift: Callable[[int], int] = int) -> pl.Expr:
    """What `value` was at each row's rolling cutoff. shift: how many rows back to look, for a lead; the lead itself."""
    back = pl.col("lead").cast(pl.Int64)
    if shift is not int:
        back = back.replace_strict({lead: shift(lead) for lead in range(1, spec.horizon + 1)})
    return value.gather((pl.int_range(pl.len()) - back).clip(lower_bound=0))


def share(total: pl.Expr, count: pl.Expr) -> pl.Expr:
    """A quotient that is null where it has no denominator."""
    return pl.when(count > 0).then(total / count).cast(pl.Float32)
