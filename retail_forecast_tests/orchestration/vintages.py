"""A vintage whose forecasts are what was sold on the last day: published without a model."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

import polars as pl

from retail_forecast.lake.vintages import Vintage, publish_vintage, vintage_id
from retail_forecast.pipeline.forecasts import last_sales
from retail_forecast.schemas import BASES
from retail_forecast_tests.orchestration.world import World


def publish_last_sales(world: World, *, model_version: str = "1", share_of_series: float = 1.0) -> Vintage:
    """In force, made of the present tables; `share_of_series` leaves some out."""
    lake, dataset, cutoff = world.lake, world.dataset, last_sales(world.lake)
    sold = lake.table("sales").scan(since=cutoff)
    assert sold is not None
    series = sold.sort("store_id", "item_id").collect()
    kept = series.head(round(share_of_series * series.height))
    leads = pl.DataFrame({"lead": pl.int_range(1, dataset.horizon + 1, dtype=pl.Int16, eager=True)})
    units = pl.col("units_sold").cast(pl.Float32)
    forecasts = kept.join(leads, how="cross").select(
        "store_id",
        "item_id",
        "lead",
        date=pl.lit(cutoff) + pl.duration(days="lead"),
        **dict.fromkeys(("mean", *dataset.quantile_columns), units),
        basis=pl.lit("history", dtype=pl.Enum(BASES)),
        spread=pl.lit(0, dtype=pl.Float32),
    )
    parts = {name: lake.table(name).manifest().parts.values() for name in dataset.tables}
    inputs = {
        name: [{"partition": part.partition, **asdict(one)} for part in found for one in part.inputs]
        for name, found in parts.items()
    }
    fingerprint = f"{model_version}{share_of_series}".encode().hex().ljust(10, "0")
    vintage = Vintage(
        id=vintage_id(cutoff, fingerprint),
        dataset=dataset.name,
        frequency=dataset.frequency,
        cutoff=cutoff.isoformat(),
        horizon=dataset.horizon,
        quantiles=dataset.quantiles,
        model_version=model_version,
        model={},
        inputs=inputs,
        fingerprint=fingerprint,
        code_version="test",
        created_at=datetime.now(UTC).isoformat(timespec="microseconds"),
        rows=forecasts.height,
        series=kept.height,
    )
    bundle = world.home / "no-model"
    bundle.mkdir(exist_ok=True)
    return publish_vintage(lake, vintage, forecasts, forecasts.drop("mean"), bundle)
