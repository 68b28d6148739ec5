"""What came of the forecasts once the actuals arrived, and whether the sales are still those the model learned from."""

import dagster as dg
import polars as pl

from retail_forecast.orchestration.assets import AFTER_SERVING, FORECASTING_TEAM, Result, asset
from retail_forecast.orchestration.automation import when_tables_change
from retail_forecast.orchestration.metadata import frame_metadata, markdown_table
from retail_forecast.orchestration.plots import plot_bars, plot_lines
from retail_forecast.orchestration.resources import Platform
from retail_forecast.pipeline import accuracy
from retail_forecast.pipeline.forecasts import last_sales
from retail_forecast.pipeline.stock_outs import count_by_store, find_stock_outs
from retail_forecast.pipeline.trainings import last_training


def build_monitoring_assets() -> list[dg.AssetsDefinition]:
    """Both assets."""
    return [forecast_accuracy, drift]


@asset(
    deps=["forecasts", "sales"],
    automation_condition=when_tables_change(),
    group="monitoring",
    owner=FORECASTING_TEAM,
    kinds={"polars", "parquet"},
    op_tags=AFTER_SERVING,
    description="Published vintages against the sales that arrived since: one row per vintage, level and metric.",
)
def forecast_accuracy(platform: dg.ResourceParam[Platform]) -> Result:
    scores = accuracy.forecast_accuracy(platform.lake, platform.dataset)
    overall = scores.filter(level="all", metric="wrmsse").drop_nulls("value")
    plot = plot_lines({"WRMSSE": overall}, "cutoff", "value", "Error of the vintages by their cutoff")
    return Result(metadata={**frame_metadata(scores), "error by vintage": plot})


@asset(
    deps=["forecasts", "sales"],
    automation_condition=when_tables_change(),
    group="monitoring",
    owner=FORECASTING_TEAM,
    kinds={"polars", "parquet"},
    op_tags=AFTER_SERVING,
    description="Sales of late against the training window, one row per store: an index above 0.25 is a change. "
    "Probable stock-outs are counted beside it.",
)
def drift(platform: dg.ResourceParam[Platform]) -> Result:
    trained = last_training(platform.lake)
    if trained is None:
        return Result(metadata={"note": "No model has been trained yet."})
    window = {"window_start": trained.window_start, "training_cutoff": trained.training_cutoff}
    table = accuracy.compute_drift(platform.lake, platform.dataset, **window)
    bars = dict(table.select("store_id", pl.col("psi").fill_null(0.0)).iter_rows())
    plot = plot_bars({"stability index": bars}, "PSI", "Sales of late against the training window")
    out = count_by_store(find_stock_outs(platform.lake, platform.dataset, cutoff=last_sales(platform.lake)))
    empty = markdown_table(out or {"none": 0}, ("store", "periods of series that were probably out of stock"))
    return Result(metadata={**frame_metadata(table), "drift by store": plot, "stock-outs of the last horizon": empty})
