"""From a training set to a bundle: one model per pool of stores, pools side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from retail_forecast import __version__
from retail_forecast.dataset import Dataset
from retail_forecast.errors import TrainingError
from retail_forecast.features import Categories, FeatureSpec, build_categories, feature_names, group_spec
from retail_forecast.models import Bundle, Recipe, train_members, write_bundle
from retail_forecast.models.bundle import GROUPS, member_file, regression_file
from retail_forecast.models.group_model import write_regression
from retail_forecast.models.recipe import PLAIN, PRESETS, Preset
from retail_forecast.models.seen import Seen, read_seen
from retail_forecast.parallel import map_shards
from retail_forecast.pipeline.feature_sets import FeatureSet, phases_path, pool_path, read_feature_set
from retail_forecast.pipeline.groups import groups_path

_WINDOW_WEEKS, _GROUP_WINDOW_WEEKS = 156, 260
_GB_PER_MILLION_ROWS = 1.2
_GOLDEN_RATIO = 0.6180339887498949


@dataclass(frozen=True)
class TrainingShard:
    """One pool's training on the features at `path`; the model goes to `out`."""

    name: str
    path: Path
    spec: FeatureSpec
    recipe: Recipe
    cutoff: date
    out: Path

    @property
    def outputs(self) -> tuple[Path, ...]:
        """The files that the training writes."""
        members = tuple(member_file(self.out, self.name, member) for member in self.recipe.members)
        return (*members, regression_file(self.out)) if self.has_regression else members

    @property
    def has_regression(self) -> bool:
        """Whether a regression counts beside the trees."""
        return self.name == GROUPS and self.recipe.regression > 0


def recipe_for(dataset: Dataset, preset: Preset = "standard") -> Recipe:
    """The preset's recipe for a dataset: Tweedie unless returns count, where no logarithm could be scaled."""
    keeps_negatives = dataset.policy.negative_units == "keep"
    recipe = PRESETS[preset]
    if dataset.frequency == "1w":
        recipe = replace(recipe, window_periods=_WINDOW_WEEKS, group_window_periods=_GROUP_WINDOW_WEEKS)
        recipe = replace(recipe, regression=0.0)  # of weeks it knows less than the trees
    if keeps_negatives:
        return replace(recipe, members=(PLAIN,), objective="regression", aligned=False)
    return recipe


def train_model(
    feature_folder: Path,
    out: Path,
    recipe: Recipe,
    *,
    workers: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> Bundle:
    """Trains on the rows up to the training set's cutoff and writes the bundle into `out`.

    Equal features and recipes give equal bytes, whatever `workers` is. A pool without any known sales gets no model.
    A model that is in `out` already is not trained again: what an interrupted call left is used.
    """
    features = read_feature_set(feature_folder)
    since = features.spec.shift(features.cutoff, 1 - features.window_periods)
    within = windowed(recipe, features)
    shards = [
        TrainingShard(pool, pool_path(feature_folder, pool), features.spec, within, features.cutoff, out)
        for pool in features.pools
    ]
    if features.grouping is not None:
        shards.append(_group_shard(feature_folder, features, recipe, features.cutoff, out))
    learned = map_shards(
        _train_shard, shards, workers=workers, memory_gb=shard_memory_gb(features), on_done=counted(shards, on_progress)
    )
    trained = {shard.name: found for shard, found in zip(shards, learned, strict=True) if found is not None}
    if not trained.keys() - {GROUPS}:
        raise TrainingError(f"No pool has known sales from {since} to {features.cutoff}. Deliver sales of that time.")
    return write_bundle(
        out,
        recipe=recipe,
        spec=features.spec,
        pools={pool: features.pools[pool] for pool in trained if pool != GROUPS},
        training_cutoff=features.cutoff,
        origin={"features": features.fingerprint, "code_version": __version__, "window_start": since.isoformat()},
        categories={pool: categories for pool, (categories, _) in trained.items()},
        seen={pool: seen for pool, (_, seen) in trained.items() if pool != GROUPS},
        grouping=features.grouping if GROUPS in trained else None,
    )


def windowed(recipe: Recipe, features: FeatureSet) -> Recipe:
    """The recipe with the window that a training set was built for."""
    return replace(recipe, window_periods=features.window_periods)


def read_rows(path: Path, spec: FeatureSpec, *, since: date | None = None, until: date) -> pl.DataFrame:
    """The feature rows of a pool from `since` to `until`: keys, units_sold and the features of `spec`."""
    in_time = pl.col("date") <= until if since is None else pl.col("date").is_between(since, until)
    return pl.scan_parquet(path).filter(in_time).select(_columns(spec)).collect()


def read_training_rows(path: Path, spec: FeatureSpec, recipe: Recipe, *, cutoff: date) -> pl.DataFrame:
    """The feature rows that a pool's model learns from at a cutoff: all, or a sample of about `recipe.most_rows`.

    Where there are further phases, their rows follow.

    A sample of a long window teaches more than all of a short one. It is spread evenly over series and periods: row i
    is taken when the fraction of i times the golden ratio is small enough, which no period or size of a series follows.
    """
    start = spec.shift(cutoff, 1 - recipe.window_periods)
    in_window = pl.col("date").is_between(start, cutoff)
    rows = pl.scan_parquet(path).select("date").filter(in_window).select(pl.len()).collect().item()
    share = min(1.0, recipe.most_rows / max(1, rows))
    sampled = (pl.col("_row").cast(pl.Float64) * _GOLDEN_RATIO) % 1.0 < share
    numbered = pl.scan_parquet(path, row_index_name="_row").filter(in_window & sampled)
    chosen = numbered.select(_columns(spec)).collect()
    if not phases_path(path).exists():
        return chosen
    more = pl.scan_parquet(phases_path(path)).filter(in_window).select(_columns(spec)).collect()
    return pl.concat([chosen, more])


def shard_memory_gb(features: FeatureSet) -> float:
    """What the largest pool needs at its peak: its rows, those of the sample again, and LightGBM's bins."""
    return max(1.0, _GB_PER_MILLION_ROWS * max(features.rows.values(), default=0) / 1e6)


def counted(shards: Sequence[object], on_progress: Callable[[int, int], None] | None) -> Callable[[Any, Any], None]:
    """An `on_done` for map_shards that reports (done, all)."""
    done: list[None] = []

    def on_done(_shard: Any, _result: Any) -> None:
        done.append(None)
        if on_progress is not None:
            on_progress(len(done), len(shards))

    return on_done


def _group_shard(folder: Path, features: FeatureSet, recipe: Recipe, cutoff: date, out: Path) -> TrainingShard:
    return TrainingShard(GROUPS, groups_path(folder), group_spec(features.spec), recipe.for_groups(), cutoff, out)


def _columns(spec: FeatureSpec) -> list[str]:
    return list(dict.fromkeys(["store_id", "item_id", "date", "units_sold", *feature_names(spec)]))


def _train_shard(shard: TrainingShard) -> tuple[Categories, Seen] | None:
    rows = read_training_rows(shard.path, shard.spec, shard.recipe, cutoff=shard.cutoff)
    if rows["units_sold"].null_count() == rows.height:
        return None
    categories = build_categories(rows, shard.spec)
    for member in shard.recipe.members:
        file = member_file(shard.out, shard.name, member)
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            aside = file.with_suffix(".part")
            alone = replace(shard.recipe, members=(member,))
            aside.write_text(train_members(rows, alone, shard.spec, categories)[member], encoding="utf-8")
            aside.replace(file)
    if shard.has_regression and not regression_file(shard.out).exists():
        write_regression(rows, shard.spec, regression_file(shard.out))
    return categories, read_seen(rows, shard.spec)
