"""mlforecast's side of the comparison of features."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.common import Window, common_features, sales_spec, used_stores
from benchmarks.data import open_workplace, read_sales
from benchmarks.measure import Clock, Result


def features(
    folder: str,
    threads: int,
    bits: int = 32,
    stores: list[str] | None = None,
    out: str | None = None,
    apart: bool = False,
) -> Result:
    """The common features of all sales in memory. Laps: load, prepare, features.

    As a user who knows the library would have it: Polars frames, 32-bit numbers as ids, rows before the first sale
    left out, no validation, nothing dropped. One row per series and day. bits: of the sales, and with them of the
    features and of the sums behind them; 32 is quicker, but its running deviations drift. apart: one store after the
    other, and its rows let go of before the next, as a user with little memory would have it.
    """
    import mlforecast  # noqa: F401
    import utilsforecast.preprocessing  # noqa: F401 - imports do not count, on either side

    clock, workplace = Clock(), Path(folder)
    _, dataset = open_workplace(workplace)
    windows = common_features(sales_spec(dataset))
    with clock.lap("load"):
        sales = read_sales(workplace).filter(used_stores(stores)).collect()
    rows = 0
    for part in sales["store_id"].unique().sort() if apart else [None]:
        with clock.lap("prepare"):
            own = sales if part is None else sales.filter(store_id=part)
            series, long = dense(own, pl.Float32 if bits == 32 else pl.Float64)
        with clock.lap("features"):
            made = _preprocess(long, windows, threads)
        rows += made.height
        if out is not None:
            renamed = made.rename({_plain(window): name for name, window in windows.items()})
            renamed.join(series, on="unique_id").rename({"ds": "date"}).write_parquet(out)
    return {"seconds": clock.seconds, "rows": rows, "columns": list(windows)}


def _preprocess(long: pl.DataFrame, windows: dict[str, Window], threads: int) -> Any:
    from mlforecast import MLForecast

    engine = MLForecast(
        models=[],
        freq="1d",
        lags=[window.lag for window in windows.values() if window.statistic == "lag"],
        lag_transforms=transforms(windows),
        lag_transforms_namer=_name,
        num_threads=threads,
    )
    return engine.preprocess(long, static_features=[], dropna=False, validate_data=False)


def dense(sales: pl.DataFrame, number: type[pl.DataType] = pl.Float32) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(series: unique_id, store_id, item_id; rows: unique_id, ds, y), each series from its first sale on, no gaps."""
    from utilsforecast.preprocessing import fill_gaps

    releases = sales.filter(pl.col("units_sold") > 0).group_by("store_id", "item_id").agg(release=pl.col("date").min())
    series = releases.sort("store_id", "item_id").with_row_index("unique_id")
    rows = sales.join(series, on=["store_id", "item_id"]).filter(pl.col("date") >= pl.col("release"))
    long = rows.select("unique_id", ds="date", y=pl.col("units_sold").cast(number)).sort("unique_id", "ds")
    days = (pl.lit(long["ds"].max()) - pl.col("release")).dt.total_days() + 1
    if long.height != series.select(days.sum()).item():
        long = fill_gaps(long, freq="1d", start="per_serie", end="global").with_columns(pl.col("y").fill_null(0.0))
    return series.drop("release"), long


def transforms(windows: dict[str, Window]) -> dict[int, list[Any]]:
    """mlforecast's transforms by lag. One known value makes a mean and two a deviation, as with us."""
    from mlforecast.lag_transforms import RollingMean, RollingStd, SeasonalRollingMean

    made: dict[int, list[Any]] = defaultdict(list)
    for window in windows.values():
        if window.statistic == "mean":
            made[window.lag].append(RollingMean(window.count, min_samples=1))
        elif window.statistic == "std":
            made[window.lag].append(RollingStd(window.count, min_samples=2))
        elif window.statistic == "seasonal mean":
            made[window.lag].append(SeasonalRollingMean(window.step, window.count, min_samples=1))
    return dict(made)


def _name(transform: Any, lag: int, *_: Any) -> str:
    return f"{type(transform).__name__}_{transform.window_size}_{lag}"


def _plain(window: Window) -> str:
    kinds = {"mean": "RollingMean", "std": "RollingStd", "seasonal mean": "SeasonalRollingMean"}
    return f"lag{window.lag}" if window.statistic == "lag" else f"{kinds[window.statistic]}_{window.count}_{window.lag}"
