"""Groups of series between the lake and their model: the rows that it learns from, and what it forecasts.

A training set has them in `groups.parquet`, where its series are enough to be summed (see `features.groups`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import polars as pl

from retail_forecast.features import (
    FeatureSpec,
    Grouping,
    build_group_features,
    choose_grouping,
    feature_names,
    group_of,
    group_spec,
    training_phases,
)
from retail_forecast.lake.tables import Lake
from retail_forecast.models import Bundle, fit_alignment
from retail_forecast.models.alignment import alignment_factors
from retail_forecast.models.regression import context_start
from retail_forecast.pipeline.inputs import scan_sales, scan_tables

_KEYS = ["store_id", "item_id", "date"]


def groups_path(folder: Path) -> Path:
    """The rows of groups in the folder of a training set."""
    return folder / "groups.parquet"


def find_grouping(lake: Lake, spec: FeatureSpec, releases: pl.DataFrame) -> Grouping | None:
    """How the series of a training set are summed; None where they are too few."""
    return choose_grouping(releases, scan_tables(lake, spec), spec)


def training_rows_of_groups(
    lake: Lake, spec: FeatureSpec, grouping: Grouping, releases: pl.DataFrame, *, cutoff: date, start: date
) -> pl.DataFrame:
    """One row per phase, group and period from `start` to the cutoff, as `build_group_features` has it."""
    rows = _build(lake, spec, grouping, releases, cutoff=cutoff, start=start, phases=training_phases(spec))
    return rows.filter(pl.col("date") <= cutoff)


def forecast_groups(lake: Lake, bundle: Bundle, releases: pl.DataFrame, *, cutoff: date) -> pl.DataFrame:
    """One row per group and period of the horizon: store_id, group, date, mean. None at all without a grouping."""
    if bundle.grouping is None or bundle.alignment_weight == 0:
        return pl.DataFrame(schema={"store_id": pl.String, "group": pl.String, "date": pl.Date, "mean": pl.Float64})
    spec = bundle.spec
    start = context_start(spec, cutoff)
    rows = _build(lake, spec, bundle.grouping, releases, cutoff=cutoff, start=start, phases=[0])
    return bundle.predict_groups(rows, cutoff)


def rows_around(rows: pl.LazyFrame, spec: FeatureSpec, cutoff: date) -> pl.DataFrame:
    """The rows of groups with which the horizon after a rolling cutoff is forecast: its own, and those that lead to it.

    After the cutoff `units_sold` is what came to be sold: for the score, not for the forecast.
    """
    start, end = context_start(spec, cutoff), spec.shift(cutoff, spec.horizon)
    names = [name for name in feature_names(group_spec(spec)) if name not in _KEYS]
    around = rows.filter(pl.col("phase") == 0, pl.col("date").is_between(start, end))
    return around.select(*_KEYS, "units_sold", *names).collect()


def align_backtest(
    predictions: pl.DataFrame, groups: pl.DataFrame, members: pl.DataFrame, champion: Mapping[date, float]
) -> tuple[pl.DataFrame, float]:
    """The predictions of the models that have group forecasts, aligned to them, and the challenger's weight.

    groups: model, cutoff, store_id, item_id (the group), date, mean. members: store_id, item_id, group.
    champion: cutoffs at which the champion forecast itself, with its own weight.
    """
    groups = groups.rename({"item_id": "group"})
    known = groups["model"].unique().sort().to_list()
    rows = predictions.join(members, on=["store_id", "item_id"], how="left", maintain_order="left")
    ours = _with_groups(rows.filter(model="challenger"), groups.filter(model="challenger"))
    weight = fit_alignment(ours)
    aligned = [
        _aligned(part, groups.filter(model=model, cutoff=cutoff), _own(model, cutoff, champion, weight))
        if model in known
        else part
        for (model, cutoff), part in rows.partition_by("model", "cutoff", as_dict=True, maintain_order=True).items()
    ]
    return pl.concat(aligned).select(predictions.columns), weight


def group_members(
    rows: pl.DataFrame, attributes: Mapping[str, pl.LazyFrame], spec: FeatureSpec, grouping: Grouping
) -> pl.DataFrame:
    """One row per series of `rows`: store_id, item_id, group."""
    series = rows.select("store_id", "item_id").unique().sort("store_id", "item_id")
    return group_of(series.lazy(), attributes, spec, grouping).collect()


def _own(model: object, cutoff: object, champion: Mapping[date, float], weight: float) -> float:
    return champion.get(cutoff, weight) if model == "champion" and isinstance(cutoff, date) else weight


def _aligned(rows: pl.DataFrame, groups: pl.DataFrame, weight: float) -> pl.DataFrame:
    factors = alignment_factors(rows, groups, weight=weight)
    return rows.with_columns(mean=(pl.col("mean") * factors).cast(pl.Float32))


def _with_groups(rows: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    day = ["cutoff", "store_id", "group", "date"]
    return rows.join(groups.select(*day, group_mean="mean"), on=day, how="inner")


def _build(
    lake: Lake,
    spec: FeatureSpec,
    grouping: Grouping,
    releases: pl.DataFrame,
    *,
    cutoff: date,
    start: date,
    phases: Sequence[int],
) -> pl.DataFrame:
    described = group_spec(spec)
    since = described.shift(start, -(described.warm_up + max(phases)))
    sales, tables = scan_sales(lake, since=since, until=cutoff), scan_tables(lake, spec)
    return build_group_features(
        sales, tables, tables, releases.lazy(), spec, grouping, cutoff=cutoff, start=start, phases=list(phases)
    )
