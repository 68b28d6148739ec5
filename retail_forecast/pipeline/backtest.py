"""Rolling-origin backtest: the recipe, the champion and the baselines on the same series, periods and features.

At each cutoff the recipe is trained anew on rows at or before it and forecasts the horizon that follows. A row of the
features knows what was known at the rolling cutoff before it, so the one feature table serves every cutoff.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from datetime import date
from pathlib import Path

import polars as pl

from retail_forecast.errors import ConfigurationError, TrainingError
from retail_forecast.evaluation import rolling_cutoffs
from retail_forecast.features import feature_names
from retail_forecast.models import Bundle, Recipe
from retail_forecast.models.bundle import GROUPS, write_json
from retail_forecast.parallel import map_shards
from retail_forecast.pipeline.backtest_scores import write_intervals_and_scores
from retail_forecast.pipeline.backtest_shards import CHALLENGER, BacktestShard, ChampionWay, backtest_shard
from retail_forecast.pipeline.feature_sets import FeatureSet, pool_path, read_feature_set
from retail_forecast.pipeline.groups import align_backtest, group_members, groups_path
from retail_forecast.pipeline.history import read_history
from retail_forecast.pipeline.train import counted, shard_memory_gb, windowed
from retail_forecast.scratch import scratch_folder


def backtest_recipe(
    feature_folder: Path,
    history_folder: Path,
    out: Path,
    recipe: Recipe,
    *,
    cutoffs: int | Sequence[date],
    workers: int,
    champion_bundle: Path | None = None,
    checkpoints: Path | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> pl.DataFrame:
    """Writes the tables predictions, scores and coverage, and calibration.json, intervals.json and backtest.json.

    Returns the scores.

    cutoffs: how many, a horizon apart, the last one horizon before the training set's cutoff; or which of those.
    Finished pools are kept in `checkpoints`, if it is given, and what an interrupted call with equal arguments left
    there is used. Raises TrainingError when the history is too short for a single one.
    """
    features, history = read_feature_set(feature_folder), read_history(history_folder)
    chosen = backtest_cutoffs(features, cutoffs)
    ways = _champion_ways(champion_bundle, features, recipe, chosen)
    out.mkdir(parents=True, exist_ok=True)
    with nullcontext(checkpoints) if checkpoints else scratch_folder("backtest") as parts:
        Path(parts).mkdir(parents=True, exist_ok=True)
        within = windowed(recipe, features)
        shards = [
            BacktestShard(pool, path, features.spec, within, tuple(chosen), champion_bundle, ways, Path(parts))
            for pool, path in _paths(feature_folder, features).items()
        ]
        memory_gb = shard_memory_gb(features)
        map_shards(backtest_shard, shards, workers=workers, memory_gb=memory_gb, on_done=counted(shards, on_progress))
        predictions = _joined([shard.out for shard in shards if shard.name != GROUPS])
        alignment = 0.0
        if features.grouping is not None:
            groups = pl.read_parquet(shards[0].out)
            members = group_members(predictions, history.attributes, features.spec, features.grouping)
            own = _own_weights(champion_bundle, ways)
            predictions, alignment = align_backtest(predictions, groups, members, own)
    predictions.write_parquet(out / "predictions.parquet", compression="zstd", compression_level=1)
    write_json(out / "calibration.json", {"alignment": alignment})
    scores = write_intervals_and_scores(
        predictions, history, features.spec, out, model=CHALLENGER, non_negative=recipe.objective == "tweedie"
    )
    described = {"features": features.fingerprint, "recipe": recipe.to_json()}
    described["cutoffs"] = [cutoff.isoformat() for cutoff in chosen]
    described["champion"] = {cutoff.isoformat(): way for cutoff, way in ways.items()}
    write_json(out / "backtest.json", described)
    return scores


def backtest_cutoffs(features: FeatureSet, wanted: int | Sequence[date]) -> list[date]:
    """The rolling cutoffs of a training set that leave at least two horizons of rows to train on: the last, or some.

    Raises TrainingError when there are none, and ConfigurationError for a date that is none of them.
    """
    spec = features.spec
    first = spec.shift(features.start, 2 * spec.horizon - 1)
    count = wanted if isinstance(wanted, int) else (features.cutoff - first).days // (spec.horizon * spec.period_days)
    chosen = rolling_cutoffs(features.cutoff, count, spec.horizon, period_days=spec.period_days, first=first)
    if not chosen:
        raise TrainingError(
            f"History from {features.start} to {features.cutoff} is too short for a backtest: it takes three horizons "
            f"of {spec.horizon} periods. Deliver older sales, or forecast a shorter horizon."
        )
    if isinstance(wanted, int):
        return chosen
    if strange := sorted(set(wanted) - set(chosen)):
        near = [cutoff.isoformat() for cutoff in chosen]
        raise ConfigurationError(key="backtest cutoff", found=strange[0].isoformat(), expected=f"one of {near}")
    return sorted(set(wanted))


def _champion_ways(
    bundle: Path | None, features: FeatureSet, recipe: Recipe, cutoffs: Sequence[date]
) -> dict[date, ChampionWay]:
    if bundle is None:
        return {}
    champion = Bundle.load(bundle)
    computable = set(feature_names(champion.spec)) <= set(feature_names(features.spec))
    computable = computable and champion.grouping in (None, features.grouping)
    same = champion.recipe == recipe and champion.spec == features.spec

    def way(cutoff: date) -> ChampionWay:
        if computable and champion.training_cutoff <= cutoff:
            return "own bundle"
        if same:
            return "same as challenger"
        return "recipe trained anew" if computable else "recipe trained anew on these features"

    return {cutoff: way(cutoff) for cutoff in cutoffs}


def _paths(folder: Path, features: FeatureSet) -> dict[str, Path]:
    """The feature rows of the groups, which take longest, and those of each pool."""
    pools = {pool: pool_path(folder, pool) for pool in features.pools}
    return ({GROUPS: groups_path(folder)} if features.grouping is not None else {}) | pools


def _own_weights(bundle: Path | None, ways: Mapping[date, ChampionWay]) -> dict[date, float]:
    """How far a champion that forecasts itself follows its groups, by cutoff."""
    if bundle is None:
        return {}
    champion = Bundle.load(bundle)
    return {cutoff: champion.alignment_weight for cutoff, way in ways.items() if way == "own bundle"}


def _joined(parts: Sequence[Path]) -> pl.DataFrame:
    rows = pl.concat([pl.read_parquet(part) for part in parts])
    if rows.filter(pl.col("units_sold").is_not_null()).is_empty():
        raise TrainingError("No sales are known after any backtest cutoff. Deliver the sales of the last horizon.")
    return rows.sort("model", "cutoff", "store_id", "item_id", "date")
