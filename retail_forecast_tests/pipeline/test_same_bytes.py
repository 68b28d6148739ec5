"""The same sales, recipe and seed give the same bytes, whatever does the work."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from retail_forecast.lake.artifacts import Artifact
from retail_forecast.models import Bundle
from retail_forecast.pipeline.backtest import backtest_recipe
from retail_forecast.pipeline.features import KIND, build_training_features
from retail_forecast.pipeline.forecasts import publish_forecasts
from retail_forecast.pipeline.history import write_history
from retail_forecast.pipeline.train import train_model
from retail_forecast_tests.pipeline.shop_lake import CUTOFF, RECIPE, shop_dataset, shop_lake


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
    files = ("forecasts", "scenario_features")
    forecasts, features = (lake.store.read(f"vintages/{vintage.id}/{name}.parquet") for name in files)
    return Bundle.load(bundle).digest, forecasts, features


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_model(tmp_path: Path) -> None:
    first = published(tmp_path / "first", workers=1)
    assert published(tmp_path / "again", workers=1) == first
    digest, forecasts, features = published(tmp_path / "other", workers=1, seed=RECIPE.seed + 1)
    assert digest != first[0]
    assert forecasts != first[1]
    assert features == first[2]
