"""Our side of the benchmarks: the steps of `retail_forecast.pipeline` and `build_features`, as they are used."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl

from benchmarks.common import common_features, sales_spec, used_stores
from benchmarks.data import last_day, open_workplace, read_sales
from benchmarks.measure import Clock, Result
from retail_forecast.features import FeatureSpec, feature_names, first_sales, stream_features
from retail_forecast.models import Bundle
from retail_forecast.pipeline.feature_sets import group_stores
from retail_forecast.pipeline.features import SHARD_ROWS, build_training_features, forecast_features, read_releases
from retail_forecast.pipeline.groups import forecast_groups
from retail_forecast.pipeline.train import recipe_for, train_model

KEYS = ["store_id", "item_id", "date"]


def features(
    folder: str,
    only_common: bool,
    stores: list[str] | None = None,
    out: str | None = None,
    ahead: bool = False,
    keep: bool = False,
) -> Result:
    """Features of all sales in memory, pool by pool as the pipeline builds them. Laps: load, features.

    Rows are handed on (the pipeline writes them) some series after the other. One row per series and day from its first
    sale to the last day. The spec has sales alone: neither prices, events nor attributes. only_common: the columns that
    mlforecast computes too; else all that the spec has. ahead: as of the cutoff before each horizon of the dataset, as
    a training has them, not as of the day before. keep: all rows stay in memory, as they do on mlforecast's side.
    """
    clock, workplace = Clock(), Path(folder)
    _, dataset = open_workplace(workplace)
    spec = sales_spec(dataset, dataset.horizon if ahead else 1)
    own = [name for name in feature_names(spec) if name not in KEYS]
    names = list(common_features(spec)) if only_common else own
    with clock.lap("load"):
        sales = read_sales(workplace).filter(used_stores(stores)).collect()
    cutoff = last_day(workplace)
    rows, kept = 0, []
    with clock.lap("features"):
        releases = first_sales(sales.lazy()).collect()
        sales, releases = _numbered(sales, releases), _numbered(releases, releases)
        for part in _build(sales, releases, spec, cutoff, names):
            rows += part.height
            if keep or out is not None:
                kept.append(part)
    if out is not None:
        pl.concat(kept).with_columns(pl.col(KEYS[:2]).cast(pl.String)).write_parquet(out)
    return {"seconds": clock.seconds, "rows": rows, "columns": names}


def _numbered(rows: pl.DataFrame, releases: pl.DataFrame) -> pl.DataFrame:
    """The rows with numbers behind their keys, as mlforecast's side has: text would be read again for each pool."""
    kinds = {key: pl.Enum(releases[key].unique().sort()) for key in KEYS[:2]}
    return rows.with_columns(pl.col(key).cast(kind, strict=False) for key, kind in kinds.items())


def _build(
    sales: pl.DataFrame, releases: pl.DataFrame, spec: FeatureSpec, cutoff: date, names: list[str]
) -> Iterator[pl.DataFrame]:
    """Frames of some series of a pool, pool by pool."""
    start = releases["release"].min() or cutoff
    pools = group_stores(releases, spec, start=start, cutoff=cutoff, shard_rows=SHARD_ROWS)  # type: ignore[arg-type]
    for stores in pools.values():
        ours = pl.col("store_id").is_in(stores)
        rows, born = sales.lazy().filter(ours), releases.lazy().filter(ours)
        for part in stream_features(rows, {}, {}, spec, cutoff=cutoff, end=cutoff, releases=born, only=names):
            yield part.select(*KEYS, *names)


def training_features(folder: str, cutoff: str, workers: int) -> Result:
    """The training set from the lake to its files, with every feature of the dataset; no backtest. Lap: features."""
    clock, workplace = Clock(), Path(folder)
    lake, dataset = open_workplace(workplace)
    for made_before in (workplace / "lake").iterdir():  # what equal inputs gave would be found, not built
        if made_before.name != "tables":
            shutil.rmtree(made_before)
    with clock.lap("features"):
        made = build_training_features(
            lake,
            dataset,
            cutoff=date.fromisoformat(cutoff),
            recipe=recipe_for(dataset),
            workers=workers,
            backtest_cutoffs=0,
        )
    path = str(workplace / "lake" / "features" / made.fingerprint)
    return {"seconds": clock.seconds, "rows": made.total_rows, "columns": made.columns, "path": path}


def training(folder: str, feature_folder: str, workers: int, trees: int | None = None) -> Result:
    """The bundle from the training set's files. Lap: training."""
    import lightgbm  # noqa: F401 - imports do not count, on either side

    clock, workplace = Clock(), Path(folder)
    _, dataset = open_workplace(workplace)
    recipe = recipe_for(dataset)
    recipe = recipe if trees is None else replace(recipe, trees=trees)
    shutil.rmtree(workplace / "bundle", ignore_errors=True)  # finished pools would be used
    with clock.lap("training"):
        bundle = train_model(Path(feature_folder), workplace / "bundle", recipe, workers=workers)
    return {"seconds": clock.seconds, "models": len(bundle.pools), "path": str(bundle.path)}


def forecasts(folder: str, bundle: str, cutoff: str, out: str) -> Result:
    """Means of every active series and day of the horizon, from lake and bundle. Lap: forecasts.

    Items follow their groups, where there are groups. Quantiles are left out: they need the residuals of a backtest.
    """
    import lightgbm  # noqa: F401

    clock = Clock()
    lake, dataset = open_workplace(Path(folder))
    day = date.fromisoformat(cutoff)
    with clock.lap("forecasts"):
        model = Bundle.load(Path(bundle))
        releases = read_releases(lake, cutoff=day)
        groups, made = forecast_groups(lake, model, releases, cutoff=day), []
        for stores in model.pools.values():
            rows = forecast_features(lake, dataset, cutoff=day, stores=stores, releases=releases)
            means = model.predict(rows)
            made.append(means.with_columns(pl.col("mean") * model.alignment(rows, means, groups)))
        frame = pl.concat(made)
        frame.write_parquet(out)
    return {"seconds": clock.seconds, "rows": frame.height}
