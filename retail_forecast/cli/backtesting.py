"""A backtest by hand: the same port, contract and features as the asset, without a champion or Dagster."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from retail_forecast.errors import NotFoundError
from retail_forecast.lake import Lake, open_lake
from retail_forecast.lake.artifacts import Artifact
from retail_forecast.models import Recipe
from retail_forecast.pipeline.features import KIND, build_training_features
from retail_forecast.pipeline.history import write_history
from retail_forecast.pipeline.train import default_recipe
from retail_forecast.training import TrainingJob, open_trainer

if TYPE_CHECKING:
    from rich.table import Table

    from retail_forecast.dataset import Dataset
    from retail_forecast.settings import Settings

METRIC = "wrmsse"


def backtest_scores(
    settings: Settings, dataset: Dataset, *, cutoffs: int, on_progress: Callable[[str, int, int], None]
) -> pl.DataFrame:
    """One row per model, cutoff, level and metric: the recipe trained anew at each cutoff, and the baselines.

    The last cutoff is one horizon before the last sales. Raises NotFoundError before the first sales.
    """
    lake, recipe = open_lake(settings.lake), default_recipe(dataset)
    last = _last_sales(lake)
    features = build_training_features(
        lake,
        dataset,
        cutoff=last,
        recipe=recipe,
        workers=settings.workers,
        backtest_cutoffs=cutoffs,
        shard_rows=settings.shard_rows,
        on_progress=partial(on_progress, "Features, pools"),
    )
    scratch = settings.home.resolve() / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="backtest-", dir=scratch) as name:
        folder = Path(name)
        channels = {
            "features": Artifact(lake, KIND, features.fingerprint).fetch(folder / "features"),
            "history": write_history(lake, dataset, folder / "history", cutoff=last),
        }
        parameters = _parameters(recipe, workers=settings.workers, cutoffs=cutoffs)
        job = TrainingJob("backtest", f"backtest-{features.fingerprint[:12]}", channels, parameters, folder / "output")
        on_progress("Backtest", 0, 1)
        result = open_trainer(settings).run(job)
        on_progress("Backtest", 1, 1)
        return pl.read_parquet(result.model_dir / "scores.parquet")


def level_table(scores: pl.DataFrame) -> Table:
    """The scores as a table: a row per level, a column per model, the mean over the cutoffs; lower is better."""
    from rich.table import Table

    chosen = scores.filter(pl.col("metric") == METRIC)
    means = chosen.group_by("level", "model", maintain_order=True).agg(pl.col("value").mean())
    models = means.filter(pl.col("level") == means["level"][0]).sort("value")["model"].to_list()
    cutoffs = chosen["cutoff"].unique().sort().to_list()
    table = Table("level", title=f"{METRIC.upper()}, {len(cutoffs)} cutoffs, {cutoffs[0]} to {cutoffs[-1]}")
    for model in models:
        table.add_column(model, justify="right")
    by_level = means.pivot("model", index="level", values="value", maintain_order=True).select("level", *models)
    for level, *values in by_level.iter_rows():
        table.add_row(level, *("" if value is None else f"{value:.4f}" for value in values))
    return table


def _last_sales(lake: Lake) -> date:
    parts = lake.table("sales").manifest().parts
    if not parts:
        raise NotFoundError("A table of sales", fix="Run `retail-forecast run` first.")
    return date.fromisoformat(max(parts))


def _parameters(recipe: Recipe, *, workers: int, cutoffs: int) -> dict[str, str]:
    return {"recipe": json.dumps(recipe.to_json()), "workers": str(workers), "cutoffs": str(cutoffs)}
