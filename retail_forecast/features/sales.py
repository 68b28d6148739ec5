"""What a series' own sales say about a period, as of the rolling cutoff before it."""

from __future__ import annotations

from functools import partial

import polars as pl

from retail_forecast.features.grid import as_known, rolling_mean, share
from retail_forecast.features.spec import FeatureSpec
from retail_forecast.features.windows import EWM_TERMS, SALES


def add_sales_features(grid: pl.LazyFrame, spec: FeatureSpec) -> pl.LazyFrame:
    """The grid's rows with lags, windows, recency and age, as of the rolling cutoff."""
    grid = grid.with_columns(**_last(spec), **_means(spec), **_stds(spec), **_recency(spec))
    grid = _add_same_weekday_means(grid, spec)
    for half_life in spec.windows.half_lives:
        grid = _add_ewm(grid, spec, half_life)
    return grid


def _last(spec: FeatureSpec) -> dict[str, pl.Expr]:
    w, units = spec.windows, pl.col("units_sold")
    near = {name: as_known(units.shift(back), spec) for name, back in w.last.items()}
    return near | {name: as_known(units.shift(back), spec, w.phase_lag) for name, back in w.same_weekday.items()}


def _means(spec: FeatureSpec) -> dict[str, pl.Expr]:
    w = spec.windows
    recent = {f"{SALES}_mean_{n}": as_known(rolling_mean("_filled", "_known", n), spec) for n in w.means}
    years_before = {
        f"{SALES}_mean_{n}_years_before": as_known(
            rolling_mean("_filled", "_known", n), spec, partial(w.centred_lag, window=n)
        )
        for n in w.around_year
    }
    return recent | years_before | season("_filled", "_known", spec)


def season(filled: str, known: str, spec: FeatureSpec, level: str = "") -> dict[str, pl.Expr]:
    """Sales around the same days whole years before, over those of the weeks before the cutoff's day back then."""
    w = spec.windows
    before = as_known(rolling_mean(filled, known, w.level), spec, w.year_ago_lag)
    return {
        name: share(as_known(rolling_mean(filled, known, n), spec, partial(w.centred_lag, window=n)), before)
        for name, n in w.season_names(level).items()
    }


def _stds(spec: FeatureSpec) -> dict[str, pl.Expr]:
    return {f"{SALES}_std_{window}": as_known(_std(window), spec) for window in spec.windows.stds}


def _std(window: int) -> pl.Expr:
    """Sample standard deviation from exact sums; null with fewer than two known values."""
    count = pl.col("_known").rolling_sum(window)
    total = pl.col("_filled").rolling_sum(window)
    squares = (pl.col("_filled") ** 2).rolling_sum(window)
    spread = (squares - total**2 / count).clip(lower_bound=0.0)
    return pl.when(count > 1).then((spread / (count - 1)).sqrt()).cast(pl.Float32)


def _recency(spec: FeatureSpec) -> dict[str, pl.Expr]:
    """Zero shares, and how long ago the last sale (capped) and the first one were, as seen at the rolling cutoff."""
    w = spec.windows
    zero = (pl.col("_units") == 0).cast(pl.Float64).fill_null(0.0)
    row = pl.col("_row").cast(pl.Int64)
    since_sale = row - pl.when(pl.col("_units") > 0).then(row).forward_fill()
    since_release = (pl.col("date") - pl.col("release")).dt.total_days() // spec.period_days - pl.col("lead")
    released = since_release >= 0
    capped = as_known(since_sale, spec).fill_null(w.long).clip(upper_bound=w.long)
    return {
        **{name: as_known(_zero_share(zero, window), spec) for name, window in w.zero_shares().items()},
        "periods_since_sale": pl.when(released).then(capped.cast(pl.Float32)),
        "periods_since_release": pl.when(released).then(since_release.cast(pl.Float32)),
    }


def _zero_share(zero: pl.Expr, window: int) -> pl.Expr:
    return share(zero.rolling_sum(window), pl.col("_known").rolling_sum(window))


def _add_same_weekday_means(grid: pl.LazyFrame, spec: FeatureSpec) -> pl.LazyFrame:
    """Means over the last 4, 8 and 16 same weekdays; each doubles the one before."""
    w = spec.windows
    for source, sums in (("_filled", "_phase_sum"), ("_known", "_phase_count")):
        if w.phase_counts:
            first = [pl.col(source).shift(i * w.cycle) for i in range(w.phase_counts[0])]
            grid = grid.with_columns(pl.sum_horizontal(first, ignore_nulls=False).alias(sums))
    for count in w.phase_counts:
        mean = share(pl.col("_phase_sum"), pl.col("_phase_count"))
        mean = as_known(mean, spec, w.phase_lag)
        grid = grid.with_columns(mean.alias(f"{SALES}_same_weekday_mean_{count}"))
        both = pl.col("_phase_sum", "_phase_count")
        grid = grid.with_columns(both + both.shift(count * w.cycle))
    return grid


def _add_ewm(grid: pl.LazyFrame, spec: FeatureSpec, half_life: int) -> pl.LazyFrame:
    """Exponentially weighted mean of the last 32 cycles: weight 0.5^(age / half-life), age counted in whole cycles.

    The sum of wʲ·shift(j) over 2ᵏ terms is the product of the k factors (1 + w^(2ⁱ)·shift(2ⁱ)).
    """
    w = spec.windows
    decay = 0.5 ** (w.cycle / half_life)
    sums = pl.col("_filled", "_known").rolling_sum(w.cycle)
    grid = grid.with_columns(sums.name.prefix("_ewm"))
    both, step = pl.col("_ewm_filled", "_ewm_known"), 1
    while step < EWM_TERMS:
        grid = grid.with_columns(both + both.shift(step * w.cycle) * decay**step)
        step *= 2
    mean = share(pl.col("_ewm_filled"), pl.col("_ewm_known"))
    return grid.with_columns(as_known(mean, spec).alias(f"{SALES}_ewm_{half_life}"))
