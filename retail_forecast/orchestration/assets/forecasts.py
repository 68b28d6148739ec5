"""The forecasts, published as an immutable vintage, and the endpoint that answers from it."""

from datetime import date, timedelta
from typing import Any

import dagster as dg
import polars as pl

from retail_forecast.dataset import Dataset
from retail_forecast.errors import NotFoundError
from retail_forecast.lake.vintages import Vintage, latest_vintage, scan_forecasts
from retail_forecast.orchestration.assets import FORECASTING_TEAM, Result, asset
from retail_forecast.orchestration.automation import when_parents_change, when_tables_or_champion_change
from retail_forecast.orchestration.forecast_run import publish
from retail_forecast.orchestration.metadata import column_schema
from retail_forecast.orchestration.plots import plot_forecasts
from retail_forecast.orchestration.resources import Platform
from retail_forecast.orchestration.rollout import rollout_table, serve_by_plan
from retail_forecast.orchestration.run_tags import tag_run
from retail_forecast.registry import ModelRegistry
from retail_forecast.schemas import forecast_schema
from retail_forecast.serving import Endpoint
from retail_forecast.telemetry.logs import log_fields

_KEYS = ["store_id", "item_id", "date"]
_PLOTTED_PERIODS, _PLOTTED_SERIES = 120, 3
_TOTAL = pl.lit("all series")


def build_forecast_assets(dataset: Dataset) -> list[dg.AssetsDefinition]:
    """forecasts → endpoint."""
    return [_forecasts(dataset), endpoint]


def _forecasts(dataset: Dataset) -> dg.AssetsDefinition:
    @asset(
        deps=["champion", *dataset.tables],
        automation_condition=when_tables_or_champion_change(),
        metadata=column_schema(forecast_schema(dataset)),
        group="forecasts",
        owner=FORECASTING_TEAM,
        kinds={"lightgbm", "parquet"},
        description="Expected units and quantiles per series.",
    )
    def forecasts(
        context: dg.AssetExecutionContext,
        platform: dg.ResourceParam[Platform],
        registry: dg.ResourceParam[ModelRegistry],
    ) -> Result:
        vintage = publish(platform, registry)
        tag_run(context, cutoff=vintage.cutoff, vintage=vintage.id)
        with log_fields(vintage=vintage.id, cutoff=vintage.cutoff, model_version=vintage.model_version):
            context.log.info("%s forecasts are in force.", vintage.rows)
        metadata = {**vintage_metadata(vintage), "history and forecast": plot_vintage(platform, vintage)}
        return Result(metadata=metadata, data_version=dg.DataVersion(vintage.id))

    return forecasts


@asset(
    deps=["forecasts"],
    automation_condition=when_parents_change(),
    retry_policy=dg.RetryPolicy(max_retries=1, delay=10),
    group="forecasts",
    owner=FORECASTING_TEAM,
    kinds={"ray", "fastapi"},
    description="The API: every replica serves the vintage in force.",
)
def endpoint(
    context: dg.AssetExecutionContext,
    platform: dg.ResourceParam[Platform],
    endpoint_port: dg.ResourceParam[Endpoint],
) -> Result:
    vintage = in_force(platform)
    rolled = serve_by_plan(platform, endpoint_port, vintage.id, context)
    deployed = rolled.deployment
    numbers: dict[str, Any] = {
        "replicas": deployed.replicas,
        "seconds": deployed.seconds,
        "model version": str(deployed.model_version),
    }
    links: dict[str, Any] = {"url": dg.MetadataValue.url(f"{deployed.url}/docs"), "vintage": vintage.id}
    links["rollout"] = rollout_table(rolled.steps)
    return Result(metadata={**numbers, **links}, data_version=dg.DataVersion(vintage.id))


def in_force(platform: Platform) -> Vintage:
    """The vintage in force. Raises NotFoundError before the first."""
    vintage = latest_vintage(platform.lake)
    if vintage is None:
        raise NotFoundError("A published vintage", fix="Materialize `forecasts` first.")
    return vintage


def vintage_metadata(vintage: Vintage) -> dict[str, Any]:
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
    """The total, whose interval cannot be added up, and the three largest series with theirs."""
    cutoff = date.fromisoformat(vintage.cutoff)
    since = cutoff - timedelta(days=_PLOTTED_PERIODS * platform.dataset.period_days)
    quantiles = platform.dataset.quantile_columns
    rows = scan_forecasts(platform.lake, vintage.id)
    sales = platform.lake.table("sales").scan(since=since, until=cutoff)
    past = sales if sales is not None else rows.head(0).select(*_KEYS, units_sold="mean")
    largest = rows.group_by(_KEYS[:2]).agg(pl.col("mean").sum()).top_k(_PLOTTED_SERIES, by="mean").select(_KEYS[:2])
    named = pl.concat_str("store_id", "item_id", separator=" · ")
    ahead = rows.join(largest, on=_KEYS[:2], how="semi").sort(_KEYS)
    series = ahead.select("date", "mean", group=named, low=quantiles[0], high=quantiles[-1]).collect()
    total = rows.group_by("date").agg(pl.col("mean").sum()).with_columns(group=_TOTAL, low="mean", high="mean")
    sold = past.join(largest, on=_KEYS[:2], how="semi").select("date", "units_sold", group=named).collect()
    all_sold = past.group_by("date").agg(pl.col("units_sold").sum()).with_columns(group=_TOTAL).collect()
    title = f"Forecast after {cutoff}; of single series with the {quantiles[0]} to {quantiles[-1]} interval"
    forecasts = pl.concat([total.select(series.columns).collect(), series])
    return plot_forecasts(pl.concat([all_sold.select(sold.columns), sold]), forecasts, title)
