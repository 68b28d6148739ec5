"""How far a store is from the last and the next change of a state: a holiday, a season, a closed day."""

from __future__ import annotations

import polars as pl

from retail_forecast.features.spec import CovariateTable, FeatureSpec


def add_changes(states: pl.DataFrame, table: CovariateTable, spec: FeatureSpec) -> pl.DataFrame:
    """States of stores, one row per store and period, with the event features of the table's values.

    The periods must reach `look_around` beyond the last row wanted, and begin as far before the first.
    """
    rows = states.lazy().with_row_index("_row")
    for name, kind in table.known_future.items():
        if name in spec.events:
            rows = _add_changes(rows, name, spec.windows.look_around, ahead=kind == "category")
    return rows.drop("_row").collect()


def _add_changes(states: pl.LazyFrame, name: str, cap: int, *, ahead: bool) -> pl.LazyFrame:
    """Distances to the last and the next change in periods, capped, with the value before and after it.

    Null counts as a state, so a calendar that names only its holidays works like one that says "none" between.
    """
    value, row = pl.col(name), pl.col("_row").cast(pl.Int64)
    changed = pl.when(value.ne_missing(value.shift(1))).then(row)
    states = states.with_columns(_last=changed.forward_fill(), _next=changed.shift(-1).backward_fill())
    since, until = row - pl.col("_last"), pl.col("_next") - row
    columns = {f"{name}_periods_since_change": _capped(since, cap)}
    if ahead:
        columns |= {
            f"{name}_periods_to_change": _capped(until, cap),
            f"{name}_next": pl.when(until <= cap).then(value.gather(pl.col("_next"))),
            f"{name}_previous": pl.when(since <= cap).then(value.gather(pl.col("_last") - 1, null_on_oob=True)),
        }
    return states.with_columns(**columns).drop("_last", "_next")


def _capped(distance: pl.Expr, cap: int) -> pl.Expr:
    return distance.fill_null(cap).clip(upper_bound=cap).cast(pl.Float32)
