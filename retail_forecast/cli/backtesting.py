"""A backtest by hand: the same port, contract and features as the asset, without a champion or Dagster."""

from __future__ import annotations

import json
import re
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
from retail_forecast.pipeline.backtest import CHALLENGER
from retail_forecast.pipeline.features import KIND, build_training_features
from retail_forecast.pipeline.history import write_history
from retail_forecast.pipeline.train import recipe_for
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
    lake, recipe = open_lake(settings.lake), recipe_for(dataset, settings.preset)
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
        job_name = f"backtest-by-hand-{features.fingerprint[:12]}-{cutoffs}"
        job = TrainingJob("backtest", job_name, channels, parameters, folder / "output")
        on_progress("Backtest, pools", 0, len(features.pools))
        result = open_trainer(settings).run(job, on_log=partial(_tell_pools, on_progress))
        return pl.read_parquet(result.model_dir / "scores.parquet")


def level_table(scores: pl.DataFrame) -> Table:
    """The scores as a table: a row per level, a column per model, the mean over the cutoffs; lower is better."""
    from rich.table import Table

    chosen = scores.filter(pl.col("metric") == METRIC)
    means = chosen.group_by("level", "model", maintain_order=True).agg(pl.col("value").mean())
    models = means.filter(pl.col("level") == means["level"][0]).sort("value")["model"].to_list()
    cutoffs = chosen["cutoff"].unique().sort().to_list()
    title = f"{METRIC.upper()}, {len(cutoffs)} cutoffs, {cutoffs[0]} to {cutoffs[-1]}"
    table = Table("level", title=title, min_width=len(title))
    for model in models:
        table.add_column("recipe" if model == CHALLENGER else model.replace("_", " "), justify="right")
    by_level = means.pivot("model", index="level", values="value", maintain_order=True).select("level", *models)
    for level, *values in by_level.iter_rows():
        table.add_row(level, *("" if value is None else f"{value:.4f}" for value in values))
    return table


def quantile_table(scores: pl.DataFrame) -> Table | None:
    """What the recipe's quantiles are worth: a row per level, means over the cutoffs; None without quantile scores."""
    from rich.table import Table

    ours = scores.filter(pl.col("model") == CHALLENGER).group_by("level", "metric", maintain_order=True)
    means = ours.agg(pl.col("value").mean()).pivot("metric", index="level", values="value", maintain_order=True)
    losses = [name for name in ("wspl", "wql") if name in means.columns]
    intervals = [name for name in means.columns if name.startswith("coverage_")]
    if not losses:
        return None
    title = "Quantiles: losses, and the share of sales within each interval"
    table = Table("level", title=title, min_width=len(title))
    for name in (*losses, *intervals):
        share = name.removeprefix("coverage_")
        table.add_column(name.upper() if name in losses else f"{float(share):.0%}", justify="right")
    for level, *values in means.select("level", *losses, *intervals).iter_rows():
        table.add_row(level, *("" if value is None else f"{value:.4f}" for value in values))
    return table


def _tell_pools(on_progress: Callable[[str, int, int], None], line: str) -> None:
    if (found := re.match(r"backtest: (\d+) of (\d+) pools$", line)) is not None:
        on_progress("Backtest, pools", int(found[1]), int(found[2]))


def _last_sales(lake: Lake) -> date:
    parts = lake.table("sales").manifest().parts
    if not parts:
        raise NotFoundError("A table of sales", fix="Run `retail-forecast run` first.")
    return date.fromisoformat(max(parts))


def _parameters(recipe: Recipe, *, workers: int, cutoffs: int) -> dict[str, str]:
    return {"recipe": json.dumps(recipe.to_json()), "workers": str(workers), "cutoffs": str(cutoffs)}
