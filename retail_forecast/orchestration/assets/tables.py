"""Files as they land, and the typed tables that are made of them."""

import warnings

import dagster as dg

from retail_forecast.dataset import Dataset
from retail_forecast.orchestration.arrivals import raw_key
from retail_forecast.orchestration.assets import DATA_TEAM, Result, asset, traits
from retail_forecast.orchestration.automation import when_parents_change
from retail_forecast.orchestration.metadata import column_schema, part_metadata, table_metadata
from retail_forecast.orchestration.partitions import sales_partitions
from retail_forecast.orchestration.resources import Platform
from retail_forecast.pipeline.tables import publish_table
from retail_forecast.schemas import schema_for


def build_table_assets(dataset: Dataset) -> list[dg.AssetSpec | dg.AssetsDefinition]:
    """The raw files and the table of each kind that the dataset names."""
    others = [name for name in dataset.tables if name != "sales"]
    specs = [_raw(dataset, name) for name in dataset.tables]
    return [*specs, _sales(dataset), *(_table(dataset, name) for name in others)]


def _raw(dataset: Dataset, name: str) -> dg.AssetSpec:
    description = f"Files of {name} as the source delivered them, below `landing/{name}/`; never changed by us."
    return dg.AssetSpec(
        raw_key(name),
        partitions_def=sales_partitions(dataset) if name == "sales" else None,
        **traits("landing", DATA_TEAM, {"file"}, description),
    )


def _sales(dataset: Dataset) -> dg.AssetsDefinition:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # backfill_policy: many partitions are one run
        decorator = asset(
            name="sales",
            deps=[raw_key("sales")],
            partitions_def=sales_partitions(dataset),
            backfill_policy=dg.BackfillPolicy.single_run(),
            automation_condition=when_parents_change(),
            metadata=column_schema(schema_for(dataset, "sales")),
            group="tables",
            owner=DATA_TEAM,
            kinds={"polars", "parquet"},
            description="Units sold, one row per series and period.",
        )

    def sales(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> Result:
        keys, progress = context.partition_keys, platform.progress("Sales, partitions")
        lake, landing, workers = platform.lake, platform.landing, platform.settings.workers
        published = publish_table(lake, landing, platform.dataset, "sales", keys, workers=workers, on_progress=progress)
        for part in (published.manifest.parts[key] for key in keys if key in published.manifest.parts):
            context.add_asset_metadata(part_metadata(part), partition_key=part.partition)
        version = dg.DataVersion(published.data_version)
        return Result(metadata=table_metadata(published), data_version=version)

    return decorator(sales)


def _table(dataset: Dataset, name: str) -> dg.AssetsDefinition:
    keys = ", ".join(dataset.table(name).keys)

    @asset(
        name=name,
        deps=[raw_key(name)],
        automation_condition=when_parents_change(),
        metadata=column_schema(schema_for(dataset, name)),
        group="tables",
        owner=DATA_TEAM,
        kinds={"polars", "parquet"},
        description=f"The source's {name}, one row per {keys}.",
    )
    def table(platform: dg.ResourceParam[Platform]) -> Result:
        published = publish_table(platform.lake, platform.landing, platform.dataset, name)
        version = dg.DataVersion(published.data_version)
        return Result(metadata=table_metadata(published), data_version=version)

    return table
