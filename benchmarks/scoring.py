"""WRMSSE of every side's forecasts on the days that none of them saw."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

from benchmarks.data import open_workplace, read_sales
from benchmarks.measure import Result
from retail_forecast.dataset import SERIES, Dataset
from retail_forecast.evaluation import wrmsse
from retail_forecast.models import BASELINES
from retail_forecast.pipeline.accuracy import scoring_inputs

YARDSTICK = "seasonal naive"


def score(folder: str, cutoff: str, predictions: dict[str, str]) -> Result:
    """WRMSSE of every side and of the yardstick on the horizon after the cutoff.

    `series`: those that had sold by the cutoff; every side is scored on all of them. A peer that reads a window of
    history leaves out what did not sell in it: that counts as a forecast of nothing, and `filled` says how many series.
    """
    workplace, day = Path(folder), date.fromisoformat(cutoff)
    _, dataset = open_workplace(workplace)
    history = read_sales(workplace, until=day)
    keys = pl.read_parquet(predictions["ours"], columns=[*SERIES, "date"])
    forecasts = {
        name: keys.join(pl.read_parquet(path), on=keys.columns, how="left") for name, path in predictions.items()
    }
    filled = {name: frame["mean"].null_count() // dataset.horizon for name, frame in forecasts.items()}
    forecasts = {name: frame.with_columns(pl.col("mean").fill_null(0.0)) for name, frame in forecasts.items()}
    days, season = dataset.periods_after(day, dataset.horizon), dataset.season_length
    naive = BASELINES["seasonal_naive"](history.collect(), cutoff=day, future_dates=days, season_length=season)
    forecasts[YARDSTICK] = keys.join(naive, on=keys.columns, how="left")
    scores = {name: _wrmsse(frame, workplace, dataset, day) for name, frame in forecasts.items()}
    series = keys.select(pl.struct(SERIES).n_unique()).item()
    return {"scores": scores, "series": series, "filled": filled}


def _wrmsse(frame: pl.DataFrame, folder: Path, dataset: Dataset, cutoff: date) -> float:
    lake, _ = open_workplace(folder)
    actual = read_sales(folder, since=dataset.periods_after(cutoff, 1)[0]).collect()
    known = frame.join(actual, on=[*SERIES, "date"], how="left").with_columns(pl.col("units_sold").fill_null(0.0))
    inputs = scoring_inputs(lake, dataset)
    history = read_sales(folder, until=cutoff)
    scored = (known, history, inputs.attributes, inputs.prices, inputs.levels)
    return wrmsse(*scored, cutoff=cutoff, horizon=dataset.horizon)
