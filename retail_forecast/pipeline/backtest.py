"""Rolling-origin backtest: the recipe, the champion and the baselines on the same series, periods and features.

At each cutoff the recipe is trained anew on rows at or before it and forecasts the horizon that follows. A row of the
features knows what was known at the rolling cutoff before it, so the one feature table serves every cutoff.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal

import polars as pl

from retail_forecast.errors import TrainingError
from retail_forecast.evaluation import rolling_cutoffs
from retail_forecast.features import FeatureSpec, build_categories, feature_names, group_spec
from retail_forecast.models import (
    BASELINES,
    Bundle,
    Recipe,
    fit_level,
    load_members,
    predict_members,
    train_members,
)
from retail_forecast.models.bundle import GROUPS, KEYS, write_json
from retail_forecast.parallel import map_shards
from retail_forecast.pipeline.backtest_scores import write_intervals_and_scores
from retail_forecast.pipeline.feature_sets import FeatureSet, pool_path, read_feature_set
from retail_forecast.pipeline.groups import align_backtest, group_members, groups_path, rows_after
from retail_forecast.pipeline.history import History, read_history
from retail_forecast.pipeline.train import counted, read_rows, read_training_rows, shard_memory_gb, windowed
from retail_forecast.schemas import BacktestSchema, validate_table

CHALLENGER, CHAMPION = "challenger", "champion"

ChampionWay = Literal[
    "own bundle", "same as challenger", "recipe trained anew", "recipe trained anew on these features"
]
"""How the champion's numbers at a cutoff came about; a bundle that saw later sales may not forecast itself."""


@dataclass(frozen=True)
class BacktestShard:
    """One pool's backtest at every cutoff, or that of the groups; its rows go to `out`."""

    name: str
    path: Path
    spec: FeatureSpec
    recipe: Recipe
    cutoffs: tuple[date, ...]
    champion_bundle: Path | None
    champion_ways: Mapping[date, ChampionWay]
    folder: Path

    @property
    def out(self) -> Path:
        return self.folder / f"{self.name}.parquet"

    @property
    def outputs(self) -> tuple[Path, ...]:
        """The file that the backtest writes."""
        return (self.out,)


def backtest_recipe(
    feature_folder: Path,
    history_folder: Path,
    out: Path,
    recipe: Recipe,
    *,
    cutoffs: int,
    workers: int,
    champion_bundle: Path | None = None,
    checkpoints: Path | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> pl.DataFrame:
    """Writes the tables predictions, scores and coverage, and calibration.json, intervals.json and backtest.json.

    Returns the scores, of forecasts whose level was not set right: no cutoff may be judged by what it taught.

    cutoffs: how many, a horizon apart, the last one horizon before the training set's cutoff. Finished pools are kept
    in `checkpoints`, if it is given, and what an interrupted call with equal arguments left there is used.
    Raises TrainingError when the history is too short for a single one.
    """
    features, history = read_feature_set(feature_folder), read_history(history_folder)
    chosen = backtest_cutoffs(features, cutoffs)
    ways = _champion_ways(champion_bundle, features, recipe, chosen)
    out.mkdir(parents=True, exist_ok=True)
    with nullcontext(checkpoints) if checkpoints else tempfile.TemporaryDirectory(prefix="rf-backtest-") as parts:
        Path(parts).mkdir(parents=True, exist_ok=True)
        within = windowed(recipe, features)
        shards = [
            BacktestShard(pool, path, features.spec, within, tuple(chosen), champion_bundle, ways, Path(parts))
            for pool, path in _paths(feature_folder, features).items()
        ]
        memory_gb = shard_memory_gb(features)
        map_shards(_backtest_shard, shards, workers=workers, memory_gb=memory_gb, on_done=counted(shards, on_progress))
        predictions = _joined([shard.out for shard in shards if shard.name != GROUPS])
        alignment = 0.0
        if features.grouping is not None:
            groups = pl.read_parquet(shards[-1].out)
            members = group_members(predictions, history.attributes, features.spec, features.grouping)
            own = _own_settings(champion_bundle, ways)
            predictions, alignment = align_backtest(predictions, groups, members, own)
    predictions.write_parquet(out / "predictions.parquet", compression="zstd", compression_level=1)
    scores = _write_calibrated(predictions, history, features.spec, recipe, out, alignment)
    described = {"features": features.fingerprint, "recipe": recipe.to_json()}
    described["cutoffs"] = [cutoff.isoformat() for cutoff in chosen]
    described["champion"] = {cutoff.isoformat(): way for cutoff, way in ways.items()}
    write_json(out / "backtest.json", described)
    return scores


def backtest_cutoffs(features: FeatureSet, count: int) -> list[date]:
    """The rolling cutoffs of a training set that leave at least two horizons of rows to train on."""
    spec = features.spec
    first = spec.shift(features.start, 2 * spec.horizon - 1)
    chosen = rolling_cutoffs(features.cutoff, count, spec.horizon, period_days=spec.period_days, first=first)
    if not chosen:
        raise TrainingError(
            f"History from {features.start} to {features.cutoff} is too short for a backtest: it takes three horizons "
            f"of {spec.horizon} periods. Deliver older sales, or forecast a shorter horizon."
        )
    return chosen


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


def _backtest_shard(shard: BacktestShard) -> None:
    if shard.out.exists():
        return
    at_cutoff = _groups_at_cutoff if shard.name == GROUPS else _at_cutoff
    frames = [frame for cutoff in shard.cutoffs for frame in at_cutoff(shard, cutoff)]
    rows = pl.concat([BacktestSchema.create_empty(), *frames])
    aside = shard.out.with_suffix(".part")
    validate_table(BacktestSchema, rows, table="backtest").write_parquet(aside)
    aside.replace(shard.out)


def _at_cutoff(shard: BacktestShard, cutoff: date) -> list[pl.DataFrame]:
    """Rows of the backtest at one cutoff, by model. A pool of which nothing was sold yet has none."""
    spec = shard.spec
    sales = pl.scan_parquet(shard.path).select(*KEYS, "units_sold").filter(pl.col("date") <= cutoff).collect()
    if sales["units_sold"].null_count() == sales.height:
        return []
    future = read_rows(shard.path, spec, since=spec.shift(cutoff, 1), until=spec.shift(cutoff, spec.horizon))
    future = future.join(sales, on=["store_id", "item_id"], how="semi")
    future_dates = [spec.shift(cutoff, lead) for lead in range(1, spec.horizon + 1)]
    means = {
        name: baseline(sales, cutoff=cutoff, future_dates=future_dates, season_length=spec.season_length)
        for name, baseline in BASELINES.items()
    }
    means[CHALLENGER] = _trained(shard, shard.recipe, spec, cutoff, future)
    if shard.champion_bundle is not None:
        means[CHAMPION] = _champion(shard, shard.champion_bundle, cutoff, future, means[CHALLENGER])
    actuals = future.select(*KEYS, "units_sold")
    return [_rows(name, mean, actuals, cutoff, spec) for name, mean in means.items()]


def _groups_at_cutoff(shard: BacktestShard, cutoff: date) -> list[pl.DataFrame]:
    """Forecasts of the groups by the challenger, and by the champion if it follows groups."""
    spec = group_spec(shard.spec)
    future = rows_after(pl.scan_parquet(shard.path), shard.spec, cutoff)
    means = {CHALLENGER: _trained(shard, shard.recipe.for_groups(), spec, cutoff, future)}
    champion = Bundle.load(shard.champion_bundle) if shard.champion_bundle is not None else None
    if champion is not None and champion.grouping is not None:
        if shard.champion_ways[cutoff] == "own bundle":
            means[CHAMPION] = champion.predict_groups(future).rename({"group": "item_id"})
        elif champion.recipe.for_groups() == shard.recipe.for_groups():
            means[CHAMPION] = means[CHALLENGER]
        else:
            means[CHAMPION] = _trained(shard, champion.recipe.for_groups(), spec, cutoff, future)
    actuals = future.select(*KEYS, "units_sold")
    return [_rows(name, mean, actuals, cutoff, spec) for name, mean in means.items()]


def _trained(
    shard: BacktestShard, recipe: Recipe, spec: FeatureSpec, cutoff: date, future: pl.DataFrame
) -> pl.DataFrame:
    rows = read_training_rows(shard.path, spec, recipe, cutoff=cutoff)
    categories = build_categories(rows, spec)
    boosters = load_members(train_members(rows, recipe, spec, categories))
    del rows
    mean = pl.Series(predict_members(boosters, future, recipe, spec, categories))
    return future.select(KEYS).with_columns(mean=mean.cast(pl.Float32))


def _champion(
    shard: BacktestShard, bundle: Path, cutoff: date, future: pl.DataFrame, challenger: pl.DataFrame
) -> pl.DataFrame:
    way = shard.champion_ways[cutoff]
    if way == "same as challenger":
        return challenger
    champion = Bundle.load(bundle)
    if way == "own bundle":
        return champion.predict(future)
    spec = champion.spec if way == "recipe trained anew" else shard.spec
    recipe = replace(champion.recipe, window_periods=shard.recipe.window_periods)
    return _trained(shard, recipe, spec, cutoff, future)


def _rows(model: str, mean: pl.DataFrame, actuals: pl.DataFrame, cutoff: date, spec: FeatureSpec) -> pl.DataFrame:
    lead = (pl.col("date") - pl.lit(cutoff)).dt.total_days() // spec.period_days
    rows = actuals.join(mean, on=KEYS, how="left", maintain_order="left")
    named = rows.with_columns(model=pl.lit(model), cutoff=pl.lit(cutoff), lead=lead.cast(pl.Int16))
    return named.select(BacktestSchema.column_names())


def _paths(folder: Path, features: FeatureSet) -> dict[str, Path]:
    """The feature rows of each pool, and those of the groups last."""
    paths = {pool: pool_path(folder, pool) for pool in features.pools}
    return paths | ({GROUPS: groups_path(folder)} if features.grouping is not None else {})


def _own_settings(bundle: Path | None, ways: Mapping[date, ChampionWay]) -> dict[date, tuple[float, float]]:
    """Weight of alignment and level of a champion that forecasts itself, by cutoff."""
    if bundle is None:
        return {}
    champion = Bundle.load(bundle)
    own = (champion.alignment_weight, champion.level)
    return {cutoff: own for cutoff, way in ways.items() if way == "own bundle"}


def _joined(parts: Sequence[Path]) -> pl.DataFrame:
    rows = pl.concat([pl.read_parquet(part) for part in parts])
    if rows.filter(pl.col("units_sold").is_not_null()).is_empty():
        raise TrainingError("No sales are known after any backtest cutoff. Deliver the sales of the last horizon.")
    return rows.sort("model", "cutoff", "store_id", "item_id", "date")


def _write_calibrated(
    predictions: pl.DataFrame, history: History, spec: FeatureSpec, recipe: Recipe, out: Path, alignment: float
) -> pl.DataFrame:
    level = fit_level(predictions.filter(pl.col("model") == CHALLENGER))
    write_json(out / "calibration.json", {"level": level, "alignment": alignment})
    positive = recipe.objective == "tweedie"
    return write_intervals_and_scores(
        predictions, history, spec, out, model=CHALLENGER, level=level, non_negative=positive
    )
