"""A backtest by hand: the same port, contract and features as the asset, without a champion or Dagster."""

from __future__ import annotations

import json
import math
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from retail_forecast.evaluation import ALL_LEVELS
from retail_forecast.lake import open_lake
from retail_forecast.lake.artifacts import Artifact
from retail_forecast.lake.tables import digest_of
from retail_forecast.models import Recipe
from retail_forecast.pipeline.backtest_shards import CHALLENGER
from retail_forecast.pipeline.features import KIND, build_training_features
from retail_forecast.pipeline.forecasts import last_sales
from retail_forecast.pipeline.history import write_history
from retail_forecast.training import Source, Trainer, TrainingJob, open_trainer
from retail_forecast.training.recipes import chosen_recipe

if TYPE_CHECKING:
    from rich.table import Table

    from retail_forecast.dataset import Dataset
    from retail_forecast.settings import Settings

METRIC = "wrmsse"

Cutoffs = int | Sequence[date]
"""The last so many rolling cutoffs, or which of them."""


def backtest_scores(
    settings: Settings, dataset: Dataset, *, cutoffs: Cutoffs, on_progress: Callable[[str, int, int], None]
) -> pl.DataFrame:
    """One row per model, cutoff, level and metric, of the recipe of the settings and the baselines.

    Cutoffs are a horizon apart, the last one a horizon before the last sales: so many, or some of them. Raises
    NotFoundError without sales, TrainingError when the history is too short, ConfigurationError for another date.
    """
    recipe = chosen_recipe(settings, dataset)
    with prepared_backtest(settings, dataset, recipe, cutoffs=cutoffs, on_progress=on_progress) as prepared:
        return prepared.scores(recipe)


@dataclass(frozen=True)
class PreparedBacktest:
    """Features and history that any recipe with the same training window can be tried on. `name` says what they are."""

    name: str
    trainer: Trainer
    channels: Mapping[str, Source]
    folder: Path
    workers: int
    cutoffs: Cutoffs
    on_log: Callable[[str], None]

    def scores(self, recipe: Recipe) -> pl.DataFrame:
        """See `backtest_scores`. A call that was killed goes on where it was."""
        result = self.trainer.run(self.job(recipe), on_log=self.on_log)
        return pl.read_parquet(result.model_dir / "scores.parquet")

    def job(self, recipe: Recipe) -> TrainingJob:
        """The job that tries a recipe."""
        parameters = _parameters(recipe, workers=self.workers, cutoffs=self.cutoffs)
        name = f"{self.name}-{recipe.digest[:12]}"
        return TrainingJob("backtest", name, dict(self.channels), parameters, self.folder / f"output-{recipe.digest}")


@contextmanager
def prepared_backtest(
    settings: Settings,
    dataset: Dataset,
    recipe: Recipe,
    *,
    cutoffs: Cutoffs,
    on_progress: Callable[[str, int, int], None],
) -> Iterator[PreparedBacktest]:
    """Features for the recipe's window up to the last sales, and the history, below the home while the block runs."""
    lake = open_lake(settings.lake)
    last = last_sales(lake)
    features = build_training_features(
        lake,
        dataset,
        cutoff=last,
        recipe=recipe,
        workers=settings.workers,
        backtest_cutoffs=_reach(cutoffs, last, dataset),
        shard_rows=settings.shard_rows,
        on_progress=partial(on_progress, "Features, pools"),
    )
    scratch = settings.home.resolve() / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="backtest-", dir=scratch) as name:
        folder = Path(name)
        published = Artifact(lake, KIND, features.fingerprint)
        # trials on this machine share one download; SageMaker takes it from the lake
        in_reach = published if settings.trainer == "sagemaker" else published.fetch(folder / "features")
        channels: dict[str, Source] = {
            "features": in_reach,
            "history": write_history(lake, dataset, folder / "history", cutoff=last),
        }
        by_hand = f"backtest-by-hand-{digest_of([features.fingerprint, _text(cutoffs)])[:16]}"
        on_progress("Backtest, pools", 0, len(features.pools))
        on_log = partial(_tell_pools, on_progress)
        trainer = open_trainer(settings)
        yield PreparedBacktest(by_hand, trainer, channels, folder, settings.workers, cutoffs, on_log)


def mean_error(scores: pl.DataFrame) -> float:
    """The recipe's error over all levels, as a mean over the cutoffs."""
    mine = scores.filter(metric=METRIC, model=CHALLENGER, level=ALL_LEVELS)
    return float(mine.select(pl.col("value").mean()).item())


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


def cutoff_table(scores: pl.DataFrame) -> Table:
    """The scores over all levels: a row per cutoff, a column per model; lower is better."""
    from rich.table import Table

    chosen = scores.filter(metric=METRIC, level=ALL_LEVELS)
    by_cutoff = chosen.pivot("model", index="cutoff", values="value").sort("cutoff")
    models = sorted(by_cutoff.columns[1:], key=lambda model: float(by_cutoff[model].mean() or 0))  # type: ignore[arg-type]
    table = Table("cutoff", title=f"{METRIC.upper()} by cutoff")
    for model in models:
        table.add_column("recipe" if model == CHALLENGER else model.replace("_", " "), justify="right")
    for cutoff, *values in by_cutoff.select("cutoff", *models).iter_rows():
        table.add_row(cutoff.isoformat(), *("" if value is None else f"{value:.4f}" for value in values))
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


def _parameters(recipe: Recipe, *, workers: int, cutoffs: Cutoffs) -> dict[str, str]:
    return {"recipe": json.dumps(recipe.to_json()), "workers": str(workers), "cutoffs": _text(cutoffs)}


def _text(cutoffs: Cutoffs) -> str:
    return str(cutoffs) if isinstance(cutoffs, int) else ",".join(cutoff.isoformat() for cutoff in cutoffs)


def _reach(cutoffs: Cutoffs, last: date, dataset: Dataset) -> int:
    """How many horizons before the last sales the earliest cutoff lies."""
    if isinstance(cutoffs, int):
        return cutoffs
    return max(1, math.ceil((last - min(cutoffs)).days / (dataset.horizon * dataset.period_days)))
