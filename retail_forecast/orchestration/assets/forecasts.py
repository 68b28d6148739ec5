"""The forecasts, published as an immutable vintage, and the endpoint that answers from it."""

from datetime import date, timedelta

import dagster as dg
import polars as pl

from retail_forecast.dataset import Dataset
from retail_forecast.errors import NotFoundError
from retail_forecast.lake.vintages import Vintage, latest_vintage, scan_forecasts
from retail_forecast.orchestration.assets import FORECASTING_TEAM, traits
from retail_forecast.orchestration.automation import when_parents_change, when_tables_or_champion_change
from retail_forecast.orchestration.forecast_run import publish
from retail_forecast.orchestration.metadata import column_schema
from retail_forecast.orchestration.plots import plot_forecasts
from retail_forecast.orchestration.resources import Platform
from retail_forecast.registry import ModelRegistry
from retail_forecast.schemas import forecast_schema
from retail_forecast.serving import Endpoint

_PLOTTED_PERIODS = 120


def build_forecast_assets(dataset: Dataset) -> list[dg.AssetsDefinition]:
    """forecasts → endpoint."""
    return [_forecasts(dataset), endpoint]


def _forecasts(dataset: Dataset) -> dg.AssetsDefinition:
    @dg.asset(
        deps=["champion", *dataset.tables],
        automation_condition=when_tables_or_champion_change(),
        metadata=column_schema(forecast_schema(dataset)),
        **traits("forecasts", FORECASTING_TEAM, {"lightgbm", "parquet"}, "Expected units and quantiles per series."),
    )
    def forecasts(
        platform: dg.ResourceParam[Platform], registry: dg.ResourceParam[ModelRegistry]
    ) -> dg.MaterializeResult:
        vintage = publish(platform, registry)
        metadata = {**vintage_metadata(vintage), "history and forecast": plot_vintage(platform, vintage)}
        return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(vintage.id))

    return forecasts


@dg.asset(
    deps=["forecasts"],
    automation_condition=when_parents_change(),
    retry_policy=dg.RetryPolicy(max_retries=1, delay=10),
    **traits("forecasts", FORECASTING_TEAM, {"ray", "fastapi"}, "The API: every replica serves the vintage in force."),
)
def endpoint(
    platform: dg.ResourceParam[Platform], endpoint_port: dg.ResourceParam[Endpoint]
) -> dg.MaterializeResult:
    vintage = in_force(platform)
    deployed = endpoint_port.deploy(vintage.id)
    numbers = {"replicas": deployed.replicas, "seconds": deployed.seconds, "model version": str(deployed.model_version)}
    links = {"url": dg.MetadataValue.url(f"{deployed.url}/docs"), "vintage": vintage.id}
    return dg.MaterializeResult(metadata={**numbers, **links}, data_version=dg.DataVersion(vintage.id))


def in_force(platform: Platform) -> Vintage:
    """The vintage in force. Raises NotFoundError before the first."""
    vintage = latest_vintage(platform.lake)
    if vintage is None:
        raise NotFoundError("A published vintage", fix="Materialize `forecasts` first.")
    return vintage


def vintage_metadata(vintage: Vintage) -> dict[str, object]:
    """What identifies a vintage, and what it was made of."""
    inputs = {table: len(objects) for table, objects in vintage.inputs.items()}
    return {
        "vintage": vintage.id,
        "cutoff": vintage.cutoff,
        "model version": vintage.model_version,
        "series": vintage.series,
        "dagster/row_count": vintage.rows,
        "source objects by table": inputs,
    }


def plot_vintage(platform: Platform, vintage: Vintage) -> dg.MarkdownMetadataValue:
    """The total and the three largest series, with what they sold before."""
    cutoff = date.fromisoformat(vintage.cutoff)
    since = cutoff - timedelta(days=_PLOTTED_PERIODS * platform.dataset.period_days)
    rows = scan_forecasts(platform.lake, vintage.id)
    sales = platform.lake.table("sales").scan(since=since, until=cutoff)
    largest = rows.group_by("store_id", "item_id").agg(pl.col("mean").sum()).top_k(4, by="mean")
    ahead = rows.join(largest.select("store_id", "item_id"), on=["store_id", "item_id"]).sort("store_id", "item_id")
    named = pl.concat_str("store_id", "item_id", separator=" · ")
    quantiles = platform.dataset.quantile_columns
    forecasts = ahead.select("date", "mean", group=named, low=quantiles[0], high=quantiles[-1]).collect()
    past = (sales if sales is not None else pl.LazyFrame(schema=["store_id", "item_id", "date", "units_sold"])).select(
        "date", "units_sold", group=named
    )
    history = past.filter(pl.col("group").is_in(forecasts["group"].unique().to_list())).collect()
    title = f"Largest series, forecast after {cutoff}, with the {quantiles[0]} to {quantiles[-1]} interval"
    return plot_forecasts(history, forecasts, title)
