"""Equal names, equal numbers? Our features against mlforecast's, column by column."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from benchmarks.common import Window, common_features, sales_spec
from benchmarks.data import open_workplace
from benchmarks.measure import Result

KEYS = ["store_id", "item_id", "date"]


def compare(folder: str, ours: str, theirs: str) -> Result:
    """The largest differences, in units, by feature.

    `rows`, `largest`: rows whose whole window lies in the series' life, so that both must know the value; a value
    that only one side knows is a difference of infinity. `elsewhere`: the other rows where either knows a value; a
    window that reaches back before the first sale is the mean of what is there on both sides.
    """
    _, dataset = open_workplace(Path(folder))
    windows = common_features(sales_spec(dataset))
    mine, other = pl.read_parquet(ours), pl.read_parquet(theirs)
    joined = mine.join(other, on=KEYS, suffix=" theirs")
    age = (pl.col("date") - pl.col("date").min().over("store_id", "item_id")).dt.total_days()
    joined = joined.with_columns(age=age)
    return {
        "only_ours": mine.height - joined.height,
        "only_theirs": other.height - joined.height,
        "features": {name: _differences(joined, name, window) for name, window in windows.items()},
    }


def _differences(joined: pl.DataFrame, name: str, window: Window) -> Result:
    known = [pl.col(column).is_not_null() & pl.col(column).is_not_nan() for column in (name, f"{name} theirs")]
    apart = (pl.col(name).cast(pl.Float64) - pl.col(f"{name} theirs").cast(pl.Float64)).abs()
    apart = pl.when(known[0] & known[1]).then(apart).otherwise(float("inf"))
    whole = pl.col("age") >= window.reach
    inside, elsewhere = joined.filter(whole), joined.filter(~whole & (known[0] | known[1]))
    return {
        "rows": inside.height,
        "largest": inside.select(apart.max()).item(),
        "elsewhere": elsewhere.height,
        "largest_elsewhere": elsewhere.select(apart.max()).item(),
    }
