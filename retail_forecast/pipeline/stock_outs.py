"""The periods of late in which a shelf was probably empty, as a table of the lake."""

from __future__ import annotations

from datetime import date

import polars as pl

from retail_forecast.dataset import KEYS, SERIES, Dataset
from retail_forecast.features.grid import build_grid, build_periods
from retail_forecast.features.stock_outs import LOOK_BACK, STOCK_OUT, add_stock_outs
from retail_forecast.lake.tables import WHOLE, Lake, NewPart
from retail_forecast.pipeline.features import read_releases
from retail_forecast.pipeline.spec import feature_spec

STOCK_OUTS = "stock_outs"


def find_stock_outs(lake: Lake, dataset: Dataset, *, cutoff: date) -> pl.DataFrame:
    """One row per store_id, item_id and date of the last horizon up to the cutoff; published as a table.

    Empty where a missing period means that nothing is known: there a period without a sale is not recorded at all.
    """
    spec = feature_spec(dataset)
    since = spec.shift(cutoff, 1 - dataset.horizon)
    first = spec.shift(since, -3 * LOOK_BACK[spec.frequency])
    sales = lake.table("sales").scan(since=first, until=cutoff)
    series = read_releases(lake, cutoff=cutoff).lazy().with_row_index("series")
    found = pl.DataFrame(schema={**dict.fromkeys(SERIES, pl.String), "date": pl.Date})
    if sales is not None and spec.missing_periods == "zero":
        periods = build_periods(pl.LazyFrame({"first": [first]}), cutoff, spec)
        grid = build_grid(series, periods, sales, spec, cutoff=cutoff)
        late = add_stock_outs(grid, spec).filter(pl.col(STOCK_OUT) & (pl.col("date") >= since))
        found = late.select(KEYS).sort(KEYS).collect()
    lake.table(STOCK_OUTS).publish({WHOLE: NewPart(found)})
    return found


def count_by_store(stock_outs: pl.DataFrame) -> dict[str, int]:
    """Store to the number of its stock-outs, counted in series and periods."""
    return dict(stock_outs.group_by("store_id").len().sort("store_id").iter_rows())
