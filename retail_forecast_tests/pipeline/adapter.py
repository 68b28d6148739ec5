"""From a dataset.yaml and CSV files to published forecasts, step by step as the graph does it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from retail_forecast.dataset import Dataset, load_dataset
from retail_forecast.ingest.delivery import import_files
from retail_forecast.lake import Lake, Store, open_lake, open_store
from retail_forecast.lake.artifacts import Artifact
from retail_forecast.lake.vintages import scan_forecasts
from retail_forecast.pipeline.arrivals import look_for_arrivals
from retail_forecast.pipeline.backtest import backtest_recipe
from retail_forecast.pipeline.features import KIND, build_training_features
from retail_forecast.pipeline.forecasts import last_sales, publish_forecasts
from retail_forecast.pipeline.history import write_history
from retail_forecast.pipeline.tables import publish_table, stale_partitions
from retail_forecast.pipeline.train import recipe_for, train_model

START = date(2024, 1, 1)


def dates(count: int, *, step: int = 1, start: date = START) -> list[date]:
    """`count` dates, `step` days apart."""
    return [start + timedelta(days=step * number) for number in range(count)]


def forecast_files(folder: Path, description: str, files: Mapping[str, Sequence[pl.DataFrame]]) -> pl.DataFrame:
    """The forecasts after the last sales. `files` are CSV files by their table ("a+b": both)."""
    lake, dataset = import_tables(folder, description, files)
    cutoff, recipe = last_sales(lake), replace(recipe_for(dataset, "fast"), trees=25)
    features = build_training_features(lake, dataset, cutoff=cutoff, recipe=recipe, workers=1, backtest_cutoffs=1)
    rows = Artifact(lake, KIND, features.fingerprint).fetch(folder / "features")
    bundle, history = folder / "bundle", write_history(lake, dataset, folder / "history", cutoff=cutoff)
    train_model(rows, bundle, recipe, workers=1)
    backtest_recipe(rows, history, folder / "backtest", recipe, cutoffs=1, workers=1)
    for name in ("calibration.json", "intervals.json"):
        (bundle / name).write_bytes((folder / "backtest" / name).read_bytes())
    vintage = publish_forecasts(lake, dataset, bundle_dir=bundle, model_version="1", model={}, workers=1)
    return scan_forecasts(lake, vintage.id).collect()


def import_tables(folder: Path, description: str, files: Mapping[str, Sequence[pl.DataFrame]]) -> tuple[Lake, Dataset]:
    """The lake with every table published, and the dataset that the description says."""
    (folder / "dataset.yaml").write_text(description)
    dataset = load_dataset(folder / "dataset.yaml")
    landing, lake = open_store((folder / "landing").as_uri()), open_lake((folder / "lake").as_uri())
    for file, tables in _written(folder / "source", files):
        import_files([file], tables.split("+"), dataset, landing)
    _publish(lake, landing, dataset)
    return lake, dataset


def _written(folder: Path, files: Mapping[str, Sequence[pl.DataFrame]]) -> Iterator[tuple[Path, str]]:
    for table, frames in files.items():
        for number, frame in enumerate(frames):
            path = folder / f"{table}-{number}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            frame.write_csv(path)
            yield path, table


def _publish(lake: Lake, landing: Store, dataset: Dataset) -> None:
    poll = look_for_arrivals(lake, landing, dataset, settle_seconds=0)
    assert not poll.ledger.rejected()
    for table in dataset.tables:
        publish_table(lake, landing, dataset, table, stale_partitions(lake, dataset, table))
