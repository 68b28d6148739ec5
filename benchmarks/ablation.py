"""What each member, setting and family of features is worth to the forecasts of groups, whose sums decide WRMSSE.

    python -m benchmarks.ablation --data m5 --archive m5-forecasting-accuracy.zip --cutoffs 13

One row per variant of the recipe: the mean over rolling cutoffs of the root mean squared scaled error, weighted by
units sold, at the groups (the departments of each store), the stores and the total. A family of features is taken
away by leaving nothing in its columns. Every model sees the sales up to the cutoff alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from statistics import fmean

import polars as pl

from benchmarks.data import last_day, open_workplace, prepare
from benchmarks.report import options, parsed, setting, table
from retail_forecast.evaluation import wrmsse
from retail_forecast.features import (
    FeatureSpec,
    build_categories,
    build_group_features,
    choose_grouping,
    group_spec,
    training_phases,
)
from retail_forecast.models import GroupModel, Recipe
from retail_forecast.models.recipe import FULL, PLAIN, SCALED, WIDE
from retail_forecast.models.regression import context_start
from retail_forecast.pipeline.features import read_releases
from retail_forecast.pipeline.inputs import scan_tables
from retail_forecast.pipeline.spec import feature_spec

LEVELS = ((), ("store_id",), ("store_id", "item_id"))
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "the last days and the same weekdays": ("units_sold_last_", "units_sold_same_weekday_"),
    "means, spreads and exponentially weighted means": ("units_sold_mean_", "units_sold_std_", "units_sold_ewm_"),
    "seasons of earlier years": ("units_sold_season_", "units_sold_mean_7_years", "units_sold_mean_28_years"),
    "exponential smoothing": ("exponential_smoothing",),
    "the store": ("store_units_sold_",),
    "prices": ("sell_price", "store_sell_price"),
    "events": ("event_", "snap"),
    "the calendar": ("week_of_year", "month", "day_of_month"),
}


@dataclass(frozen=True)
class Groups:
    """Rows of groups as they are trained on, and what describes them."""

    rows: pl.DataFrame
    spec: FeatureSpec
    last: date

    def cutoffs(self, count: int) -> list[date]:
        step = timedelta(days=self.spec.horizon * self.spec.period_days)
        return [self.last - step * back for back in range(1, count + 1)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints a row per variant as soon as it is measured."""
    parser = options(__doc__)
    parser.add_argument("--cutoffs", type=int, default=5, help="rolling cutoffs, a horizon apart")
    parser.add_argument("--only", default="", help="a part of the names of the variants to be measured")
    given, source = parsed(parser, arguments)
    groups = read_groups(prepare(source, given.home, cores=given.cores))
    print(table(["variant", "weighted RMSSE", "to the recipe"], []), flush=True)
    best = score(groups, Recipe().for_groups(), (), given.cutoffs)
    for name, recipe, without in variants():
        if given.only in name:
            error = score(groups, recipe, without, given.cutoffs) if name != "the recipe" else best
            print(f"| {name} | {error:.4f} | {error / best:.3f} |", flush=True)
    print("\n", setting("benchmarks.ablation"), sep="")


def variants() -> Iterator[tuple[str, Recipe, tuple[str, ...]]]:
    """Name, recipe, and the beginnings of the names of the features that are taken away."""
    recipe = Recipe().for_groups()
    yield "the recipe", recipe, ()
    yield "the plain member", replace(recipe, members=(PLAIN,)), ()
    yield "the scaled member", replace(recipe, members=(SCALED,)), ()
    yield "the mean of both", replace(recipe, members=(PLAIN, SCALED)), ()
    yield "the full member beside scaled and wide", replace(recipe, members=(SCALED, WIDE, FULL)), ()
    yield "half as many trees", replace(recipe, trees=recipe.trees // 2, learning_rate=recipe.learning_rate * 2), ()
    yield "twice as many trees", replace(recipe, trees=recipe.trees * 2, learning_rate=recipe.learning_rate / 2), ()
    yield "half of the leaves", replace(recipe, leaves=recipe.leaves // 2), ()
    yield "without the regression", replace(recipe, regression=0.0), ()
    yield "the regression alone", replace(recipe, regression=1.0, trees=1), ()
    yield "half of the history", replace(recipe, window_periods=recipe.window_periods // 2), ()
    for name, beginnings in FAMILIES.items():
        yield f"without {name}", recipe, beginnings


def read_groups(folder: Path) -> Groups:
    """The groups of a workplace. Ends with a message when its series are too few to be summed."""
    lake, dataset = open_workplace(folder)
    spec, last = feature_spec(dataset), last_day(folder)
    tables = scan_tables(lake, spec)
    releases = read_releases(lake, cutoff=last)
    grouping = choose_grouping(releases, tables, spec)
    if grouping is None:
        raise SystemExit("These series are too few to be summed to groups: take more of them.")
    sales = lake.table("sales").scan()
    assert sales is not None
    start = dataset.start_date
    described = group_spec(spec)
    rows = build_group_features(
        sales, tables, tables, releases.lazy(), spec, grouping, cutoff=last, start=start, phases=training_phases(spec)
    )
    return Groups(rows, described, last)


def score(groups: Groups, recipe: Recipe, without: tuple[str, ...], cutoffs: int) -> float:
    """The mean over the cutoffs."""
    gone = [name for name in groups.rows.columns if without and name.startswith(without)]
    emptied = groups.rows.with_columns(pl.lit(None).cast(groups.rows.schema[name]).alias(name) for name in gone)
    return fmean(_score_at(replace(groups, rows=emptied), recipe, cutoff) for cutoff in groups.cutoffs(cutoffs))


def _score_at(groups: Groups, recipe: Recipe, cutoff: date) -> float:
    spec = groups.spec
    since, until = spec.shift(cutoff, 1 - recipe.window_periods), spec.shift(cutoff, spec.horizon)
    known = groups.rows.filter(pl.col("units_sold").is_not_null())
    past = known.filter(pl.col("date").is_between(since, cutoff))
    around = known.filter(pl.col("phase") == 0, pl.col("date").is_between(context_start(spec, cutoff), until))
    model = GroupModel.train(past, recipe, spec, build_categories(past, spec))
    keys = ["store_id", "item_id", "date"]
    made = model.predict(around, cutoff).with_columns(pl.col("mean").cast(pl.Float32))
    history = known.filter(pl.col("phase") == 0, pl.col("date") <= cutoff).select(*keys, "units_sold")
    judged = around.select(*keys, "units_sold").join(made, on=keys)
    return wrmsse(judged, history, {}, None, LEVELS, cutoff=cutoff)


if __name__ == "__main__":
    main()
