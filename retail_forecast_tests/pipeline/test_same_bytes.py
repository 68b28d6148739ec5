"""The same sales, recipe and seed give the same bytes, whatever does the work."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import polars as pl

from retail_forecast.lake import Lake
from retail_forecast.lake.artifacts import Artifact
from retail_forecast.lake.vintages import Vintage
from retail_forecast.models import Bundle
from retail_forecast.pipeline.backtest import backtest_recipe
from retail_forecast.pipeline.features import KIND, build_training_features
from retail_forecast.pipeline.forecasts import publish_forecasts
from retail_forecast.pipeline.history import write_history
from retail_forecast.pipeline.train import train_model
from retail_forecast_tests.pipeline.shop_lake import (
    CUTOFF,
    DAYS,
    RECIPE,
    START,
    publish_sales,
    shop_dataset,
    shop_lake,
    shop_sales,
)

LAST = START + timedelta(days=DAYS - 1)


def published(folder: Path, *, workers: int, seed: int = RECIPE.seed) -> tuple[str, bytes, bytes]:
    """(digest of the bundle, bytes of the forecasts, of their features) of a training with a pool per store."""
    lake, dataset, recipe = shop_lake(folder), shop_dataset(), replace(RECIPE, seed=seed)
    made = build_training_features(lake, dataset, cutoff=CUTOFF, recipe=recipe, workers=workers, shard_rows=1)
    rows = Artifact(lake, KIND, made.fingerprint).fetch(folder)
    history, bundle = write_history(lake, dataset, folder / "history", cutoff=CUTOFF), folder / "bundle"
    train_model(rows, bundle, recipe, workers=workers)
    backtest_recipe(rows, history, folder / "backtest", recipe, cutoffs=1, workers=workers)
    for name in ("calibration.json", "intervals.json"):
        (bundle / name).write_bytes((folder / "backtest" / name).read_bytes())
    vintage = publish_forecasts(
        lake, dataset, bundle_dir=bundle, model_version="1", model={}, workers=workers, cutoff=CUTOFF
    )
    return Bundle.load(bundle).digest, *files_of(lake, vintage)


def files_of(lake: Lake, vintage: Vintage) -> tuple[bytes, bytes]:
    """Bytes of the forecasts and of the features behind them."""
    folder = f"vintages/{vintage.id}"
    return lake.store.read(f"{folder}/forecasts.parquet"), lake.store.read(f"{folder}/scenario_features.parquet")


def forecast(lake: Lake, bundle: Path, *, workers: int = 1) -> tuple[bytes, bytes]:
    vintage = publish_forecasts(
        lake, shop_dataset(), bundle_dir=bundle, model_version="1", model={}, workers=workers, cutoff=None
    )
    return files_of(lake, vintage)


def test_one_new_day_gives_the_bytes_that_a_lake_filled_at_once_gives(tmp_path: Path) -> None:
    published(tmp_path, workers=1)  # for its bundle
    before = shop_sales().filter(pl.col("date") < LAST)
    grown, whole = shop_lake(tmp_path / "grown", before), shop_lake(tmp_path / "whole")
    old = forecast(grown, tmp_path / "bundle")
    publish_sales(grown, shop_sales().filter(date=LAST))
    new = forecast(grown, tmp_path / "bundle", workers=2)
    assert new == forecast(whole, tmp_path / "bundle")
    assert new != old


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_model(tmp_path: Path) -> None:
    first = published(tmp_path / "first", workers=1)
    assert published(tmp_path / "again", workers=1) == first
    digest, forecasts, features = published(tmp_path / "other", workers=1, seed=RECIPE.seed + 1)
    assert digest != first[0]
    assert forecasts != first[1]
    assert features == first[2]
