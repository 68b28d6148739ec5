"""One pool's part of a backtest, or that of the groups: trained anew at each cutoff, and what it then forecasts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal

import polars as pl

from retail_forecast.features import FeatureSpec, build_categories, group_spec
from retail_forecast.models import BASELINES, Bundle, GroupModel, Recipe, load_members, predict_members, train_members
from retail_forecast.models.bundle import GROUPS, KEYS
from retail_forecast.pipeline.groups import rows_around
from retail_forecast.pipeline.train import read_rows, read_training_rows
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


def backtest_shard(shard: BacktestShard) -> None:
    """Writes the shard's rows, unless they are there already."""
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
    around = rows_around(pl.scan_parquet(shard.path), shard.spec, cutoff)
    means = {CHALLENGER: _trained_groups(shard, shard.recipe.for_groups(), spec, cutoff, around)}
    champion = Bundle.load(shard.champion_bundle) if shard.champion_bundle is not None else None
    if champion is not None and champion.grouping is not None:
        if shard.champion_ways[cutoff] == "own bundle":
            means[CHAMPION] = champion.predict_groups(around, cutoff).rename({"group": "item_id"})
        elif champion.recipe.for_groups() == shard.recipe.for_groups():
            means[CHAMPION] = means[CHALLENGER]
        else:
            means[CHAMPION] = _trained_groups(shard, champion.recipe.for_groups(), spec, cutoff, around)
    actuals = around.filter(pl.col("date") > cutoff).select(*KEYS, "units_sold")
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


def _trained_groups(
    shard: BacktestShard, recipe: Recipe, spec: FeatureSpec, cutoff: date, around: pl.DataFrame
) -> pl.DataFrame:
    rows = read_training_rows(shard.path, spec, recipe, cutoff=cutoff)
    return GroupModel.train(rows, recipe, spec, build_categories(rows, spec)).predict(around, cutoff)


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
    named = rows.with_columns(
        pl.col("mean").cast(pl.Float32), model=pl.lit(model), cutoff=pl.lit(cutoff), lead=lead.cast(pl.Int16)
    )
    return named.select(BacktestSchema.column_names())
