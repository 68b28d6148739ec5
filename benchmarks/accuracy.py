"""Accuracy on shapes of data that the recipe was not made for, against the baselines, member by member.

    python -m benchmarks.accuracy
    python -m benchmarks.accuracy --data m5 --archive m5-forecasting-accuracy.zip

Errors are means over rolling cutoffs: RMSSE of the series weighted by what they sold of late, that of the stores' and
departments' sums, and the sum of absolute errors as a share of what was sold (WAPE). Every model sees the
sales up to the cutoff alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from statistics import fmean

import polars as pl

from benchmarks.data import prepare
from benchmarks.report import options, parsed, setting, table
from benchmarks.shapes import SERIES, Shape, build_shapes
from retail_forecast.evaluation import wrmsse
from retail_forecast.features import (
    Grouping,
    build_categories,
    build_features,
    build_group_features,
    choose_grouping,
    first_sales,
    group_column,
    group_spec,
    training_phases,
)
from retail_forecast.models import (
    BASELINES,
    GroupModel,
    Recipe,
    alignment_factors,
    load_members,
    predict_members,
    train_members,
)
from retail_forecast.models.recipe import PLAIN, SCALED, Member
from retail_forecast.models.regression import context_start

WINDOW = {"1d": 730, "1w": 156}
ENSEMBLES: Mapping[str, tuple[Member, ...]] = {
    "plain alone": (PLAIN,),
    "scaled alone": (SCALED,),
    "the mean of both": (PLAIN, SCALED),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints a table per shape."""
    parser = options(__doc__)
    parser.add_argument("--only", default="", help="a part of the names of the sets to be measured")
    parser.add_argument("--cutoffs", type=int, default=3, help="rolling cutoffs, a horizon apart")
    given, source = parsed(parser, arguments)
    for name, shape in build_shapes(prepare(source, given.home, cores=given.cores)).items():
        if given.only not in name:
            continue
        print(f"**{name}**: {shape.sales.select(pl.struct(SERIES).n_unique()).item():,} series\n")
        print(table(["model", "RMSSE", "RMSSE of sums", "WAPE"], _rows(shape, given.cutoffs)), "\n", flush=True)
    print(setting("benchmarks.accuracy"))


def _rows(shape: Shape, cutoffs: int) -> list[tuple[str, float, float, float]]:
    found: dict[str, list[tuple[float, float, float]]] = {}
    for cutoff in shape.cutoffs(cutoffs):
        for name, forecast in _forecasts(shape, cutoff).items():
            found.setdefault(name, []).append(_errors(shape, forecast, cutoff))
    return [(name, *(fmean(error[at] for error in errors) for at in range(3))) for name, errors in found.items()]  # type: ignore[misc]


def _forecasts(shape: Shape, cutoff: date) -> dict[str, pl.DataFrame]:
    """Model to store_id, item_id, date, mean."""
    known = shape.sales.filter(pl.col("date") <= cutoff)
    spec = shape.spec
    ahead = [spec.shift(cutoff, lead) for lead in range(1, shape.horizon + 1)]
    made = {
        name: baseline(known, cutoff=cutoff, future_dates=ahead, season_length=spec.season_length)
        for name, baseline in BASELINES.items()
    }
    start = max(known.select(pl.col("date").min()).item(), spec.shift(cutoff, 1 - WINDOW[shape.frequency]))
    rows = build_features(known.lazy(), shape.covariates, shape.attributes, spec, cutoff=cutoff, start=start).collect()
    past, future = rows.filter(pl.col("date") <= cutoff), rows.filter(pl.col("date") > cutoff)
    categories = build_categories(past, spec)
    for name, members in ENSEMBLES.items():
        recipe = Recipe(members=members, window_periods=WINDOW[shape.frequency])
        boosters = load_members(train_members(past, recipe, spec, categories))
        mean = pl.Series(predict_members(boosters, future, recipe, spec, categories))
        made[name] = future.select(*SERIES, "date").with_columns(mean=mean)
    if (grouping := choose_grouping(known.select(SERIES).unique(), shape.attributes, spec)) is not None:
        alone = made["the mean of both"]
        grouped = alone.with_columns(group_column(future, grouping))
        for name, groups in _group_forecasts(shape, known, grouping, cutoff).items():
            factors = alignment_factors(grouped, groups, weight=1.0)
            made[f"the mean of both, following {name}"] = alone.with_columns(pl.col("mean") * factors)
    return made


def _group_forecasts(shape: Shape, known: pl.DataFrame, grouping: Grouping, cutoff: date) -> dict[str, pl.DataFrame]:
    """Model of groups to a row per group and period of the horizon: store_id, group, date, mean."""
    spec, recipe = shape.spec, Recipe(group_window_periods=2 * WINDOW[shape.frequency]).for_groups()
    start = max(known.select(pl.col("date").min()).item(), spec.shift(cutoff, 1 - recipe.window_periods))
    rows = build_group_features(
        known.lazy(),
        shape.covariates,
        shape.attributes,
        first_sales(known.lazy()),
        spec,
        grouping,
        cutoff=cutoff,
        start=start,
        phases=training_phases(spec),
    )
    past, around = (
        rows.filter(pl.col("date") <= cutoff),
        rows.filter(pl.col("date") >= context_start(spec, cutoff), phase=0),
    )
    described = group_spec(spec)
    model = GroupModel.train(past, recipe, described, build_categories(past, described))
    weights = {"trees": 0.0, "trees and regression": recipe.regression, "regression": 1.0}
    return {
        name: replace(model, recipe=replace(recipe, regression=weight))
        .predict(around, cutoff)
        .rename({"item_id": "group"})
        for name, weight in weights.items()
    }


def _errors(shape: Shape, forecast: pl.DataFrame, cutoff: date) -> tuple[float, float, float]:
    until = cutoff + timedelta(days=shape.period_days * shape.horizon)
    actual = shape.sales.filter(pl.col("date").is_between(cutoff, until, closed="right"))
    judged = forecast.join(actual, on=[*SERIES, "date"], how="inner")
    sums = [[], ["store_id"], *(["store_id", name] for table in shape.spec.attribute_tables for name in table.values)]
    errors = [
        wrmsse(judged, shape.sales.lazy(), shape.attributes, None, levels, cutoff=cutoff) for levels in ([SERIES], sums)
    ]
    absolute = (pl.col("mean") - pl.col("units_sold")).abs().sum() / pl.col("units_sold").sum()
    return errors[0], errors[1], judged.select(absolute).item()


if __name__ == "__main__":
    main()
