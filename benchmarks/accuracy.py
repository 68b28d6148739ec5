"""Accuracy on shapes of data that the recipe was not made for, against the baselines, member by member.

    python -m benchmarks.accuracy
    python -m benchmarks.accuracy --data m5 --archive m5-forecasting-accuracy.zip

Errors are means over rolling cutoffs: RMSSE of the series weighted by what they sold of late, and the sum of absolute
errors as a share of what was sold (WAPE). Every model sees the sales up to the cutoff alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from statistics import fmean

import polars as pl

from benchmarks.data import prepare
from benchmarks.report import options, parsed, setting, table
from benchmarks.shapes import PROMOTIONS, SERIES, Shape, build_shapes
from retail_forecast.evaluation import wrmsse
from retail_forecast.features import FeatureSpec, build_categories, build_features
from retail_forecast.models import BASELINES, Recipe, load_members, predict_members, train_members
from retail_forecast.models.recipe import PLAIN, SCALED, Member

WINDOW = {"1d": 730, "1w": 156}
ENSEMBLES: Mapping[str, tuple[Member, ...]] = {
    "plain alone": (PLAIN,),
    "scaled alone": (SCALED,),
    "the mean of both": (PLAIN, SCALED),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints a table per shape."""
    parser = options(__doc__)
    parser.add_argument("--cutoffs", type=int, default=3, help="rolling cutoffs, a horizon apart")
    given, source = parsed(parser, arguments)
    for name, shape in build_shapes(prepare(source, given.home, cores=given.cores)).items():
        print(f"**{name}**: {shape.sales.select(pl.struct(SERIES).n_unique()).item():,} series\n")
        print(table(["model", "RMSSE", "WAPE"], _rows(shape, given.cutoffs)), "\n", flush=True)
    print(setting("benchmarks.accuracy"))


def _rows(shape: Shape, cutoffs: int) -> list[tuple[str, float, float]]:
    found: dict[str, list[tuple[float, float]]] = {}
    for cutoff in shape.cutoffs(cutoffs):
        for name, forecast in _forecasts(shape, cutoff).items():
            found.setdefault(name, []).append(_errors(shape, forecast, cutoff))
    return [(name, fmean(e[0] for e in errors), fmean(e[1] for e in errors)) for name, errors in found.items()]


def _forecasts(shape: Shape, cutoff: date) -> dict[str, pl.DataFrame]:
    """Model to store_id, item_id, date, mean."""
    known = shape.sales.filter(pl.col("date") <= cutoff)
    spec = FeatureSpec(shape.frequency, shape.horizon, covariates=(PROMOTIONS,) if shape.covariates else ())
    ahead = [spec.shift(cutoff, lead) for lead in range(1, shape.horizon + 1)]
    made = {
        name: baseline(known, cutoff=cutoff, future_dates=ahead, season_length=spec.season_length)
        for name, baseline in BASELINES.items()
    }
    start = max(known.select(pl.col("date").min()).item(), spec.shift(cutoff, 1 - WINDOW[shape.frequency]))
    rows = build_features(known.lazy(), shape.covariates, {}, spec, cutoff=cutoff, start=start).collect()
    past, future = rows.filter(pl.col("date") <= cutoff), rows.filter(pl.col("date") > cutoff)
    categories = build_categories(past, spec)
    for name, members in ENSEMBLES.items():
        recipe = Recipe(members=members, window_periods=WINDOW[shape.frequency])
        boosters = load_members(train_members(past, recipe, spec, categories))
        mean = pl.Series(predict_members(boosters, future, recipe, spec, categories))
        made[name] = future.select(*SERIES, "date").with_columns(mean=mean)
    return made


def _errors(shape: Shape, forecast: pl.DataFrame, cutoff: date) -> tuple[float, float]:
    until = cutoff + timedelta(days=shape.period_days * shape.horizon)
    actual = shape.sales.filter(pl.col("date").is_between(cutoff, until, closed="right"))
    judged = forecast.join(actual, on=[*SERIES, "date"], how="inner")
    error = wrmsse(judged, shape.sales.lazy(), {}, None, [SERIES], cutoff=cutoff)
    absolute = (pl.col("mean") - pl.col("units_sold")).abs().sum() / pl.col("units_sold").sum()
    return error, judged.select(absolute).item()


if __name__ == "__main__":
    main()
