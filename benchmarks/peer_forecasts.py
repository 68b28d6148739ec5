"""The peers' side of data to forecasts: mlforecast with LightGBM, and statsforecast."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.data import open_workplace, read_sales
from benchmarks.measure import Clock, Result
from benchmarks.peer_covariates import add_covariates, static_values
from benchmarks.peer_features import dense
from retail_forecast.dataset import Dataset
from retail_forecast.models import Recipe
from retail_forecast.pipeline.train import recipe_for

LONGEST_LAG = 28 + 180


def mlforecast_lightgbm(folder: str, cutoff: str, threads: int, out: str, trees: int | None = None) -> Result:
    """One global recursive model. Laps: features, training, forecasts.

    The features are those of the library's own M5 example with longer windows, date features, prices, promotions,
    events and every attribute. LightGBM's settings, the days to learn from and the number of trees are our recipe's.
    """
    import lightgbm  # noqa: F401 - imports do not count, on either side
    import mlforecast.lag_transforms  # noqa: F401

    clock, workplace, day = Clock(), Path(folder), date.fromisoformat(cutoff)
    _, dataset = open_workplace(workplace)
    recipe = recipe_for(dataset)
    with clock.lap("features"):
        since = day - timedelta(days=recipe.window_periods + LONGEST_LAG)
        series, long = dense(read_sales(workplace, since=since, until=day).collect())
        statics = static_values(workplace, dataset, series)
        static_names = [name for name in statics.columns if name != "unique_id"]
        rows = add_covariates(workplace, dataset, series, long.join(statics, on="unique_id"))
        engine = _engine(recipe, threads, trees or recipe.trees)
        made = engine.preprocess(rows, static_features=static_names, dropna=False, validate_data=False)
        made = made.filter(pl.col("ds") > day - timedelta(days=recipe.window_periods))
    with clock.lap("training"):
        names = engine.ts.features_order_
        options = {"lightgbm": {"categorical_feature": _categories(dataset, static_names)}}
        engine.fit_models(made.select(names), made["y"].to_numpy(), models_fit_kwargs=options)
    count = made.height
    del made, rows
    with clock.lap("forecasts"):
        future = add_covariates(workplace, dataset, series, engine.make_future_dataframe(dataset.horizon))
        predicted = engine.predict(dataset.horizon, X_df=future)
        _write(predicted, series, "lightgbm", out)
    return {"seconds": clock.seconds, "rows": count, "columns": names}


def _engine(recipe: Recipe, threads: int, trees: int) -> Any:
    from lightgbm import LGBMRegressor
    from mlforecast import MLForecast
    from mlforecast.lag_transforms import RollingMean, RollingStd

    model = LGBMRegressor(
        objective=recipe.objective,
        tweedie_variance_power=recipe.tweedie_power,
        learning_rate=recipe.learning_rate,
        n_estimators=trees,
        num_leaves=recipe.leaves,
        min_child_samples=recipe.min_data_in_leaf,
        max_bin=recipe.max_bin,
        colsample_bytree=recipe.feature_fraction,
        subsample=recipe.row_fraction,
        subsample_freq=1,
        random_state=recipe.seed,
        n_jobs=threads,
        verbosity=-1,
    )
    week: list[Any] = [RollingMean(7, min_samples=1), RollingMean(28, min_samples=1)]
    long: list[Any] = [RollingMean(n, min_samples=1) for n in (56, 180)] + [RollingStd(28, min_samples=2)]
    return MLForecast(
        models={"lightgbm": model},
        freq="1d",
        lags=[1, 2, 3, 4, 5, 6, 7, 14, 21, 28, 35, 42, 49, 56],
        lag_transforms={1: week, 7: week, 28: [*week, *long]},
        date_features=["weekday", "day", "week", "month"],
        num_threads=threads,
    )


def _categories(dataset: Dataset, statics: list[str]) -> list[str]:
    kinds = [table for _, table in (*dataset.covariates(), *dataset.attributes())]
    text = {name for table in kinds for name, kind in table.values.items() if kind == "category"}
    known = [name for _, table in dataset.covariates() for name in table.known_future]
    return [name for name in [*statics, *known] if name in text or name in ("store_id", "item_id")]


def statsforecast_ets(folder: str, cutoff: str, processes: int, out: str) -> Result:
    """AutoETS with a weekly season on the days of our training window, each series by itself. Lap: forecasts."""
    from statsforecast import StatsForecast
    from statsforecast.models import AutoETS, SeasonalNaive

    clock, workplace, day = Clock(), Path(folder), date.fromisoformat(cutoff)
    _, dataset = open_workplace(workplace)
    since = day - timedelta(days=recipe_for(dataset).window_periods - 1)
    with clock.lap("forecasts"):
        series, long = dense(read_sales(workplace, since=since, until=day).collect())
        season = dataset.season_length
        engine = StatsForecast(
            models=[AutoETS(season, alias="ets")], freq="1d", n_jobs=processes, fallback_model=SeasonalNaive(season)
        )
        _write(engine.forecast(dataset.horizon, long), series, "ets", out)
    return {"seconds": clock.seconds, "rows": long.height, "columns": []}


def _write(predicted: pl.DataFrame, series: pl.DataFrame, column: str, out: str) -> None:
    """One row per series and day: store_id, item_id, date, mean. Nothing sells below zero."""
    mean = pl.col(column).clip(lower_bound=0.0).cast(pl.Float32)
    predicted.join(series, on="unique_id").select("store_id", "item_id", date="ds", mean=mean).write_parquet(out)
