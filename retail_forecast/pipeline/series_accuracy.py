"""What came of the forecasts of single series: too little for a score of a model, and what a planner asks first."""

from __future__ import annotations

import polars as pl

from retail_forecast.dataset import SERIES

SERIES_ACCURACY = "series_accuracy"
_SCHEMA = {
    "store_id": pl.String,
    "item_id": pl.String,
    "cutoff": pl.Date,
    "vintage": pl.String,
    "periods": pl.UInt32,
    "units_sold": pl.Float64,
    "absolute_error": pl.Float64,
    "excess": pl.Float64,
}


def compute_series_accuracy(predictions: pl.DataFrame | None) -> pl.DataFrame:
    """One row per series and judged vintage, over its `periods` of which sales are known: sums, in units.

    predictions: store_id, item_id, model (the vintage), cutoff, date, mean, units_sold (null where not known).
    excess: how much more was forecast than sold; `absolute_error` over `units_sold` is the WAPE.
    """
    if predictions is None:
        return pl.DataFrame(schema=_SCHEMA)
    error = pl.col("mean").cast(pl.Float64) - pl.col("units_sold")
    sums = (
        predictions.drop_nulls("units_sold")
        .group_by(*SERIES, "cutoff", vintage="model")
        .agg(
            periods=pl.len(),
            units_sold=pl.col("units_sold").cast(pl.Float64).sum(),
            absolute_error=error.abs().sum(),
            excess=error.sum(),
        )
    )
    return sums.select(pl.col(name).cast(kind) for name, kind in _SCHEMA.items()).sort(*SERIES, "cutoff")
