"""What comes of a backtest's rows: scores of means and quantiles, coverage, and the intervals of a bundle."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from retail_forecast.dataset import SERIES
from retail_forecast.evaluation import build_yardsticks, score_against
from retail_forecast.evaluation.panel import build_panel
from retail_forecast.features import FeatureSpec
from retail_forecast.models import intervals_to_json, spread_periods
from retail_forecast.models.bundle import write_json
from retail_forecast.pipeline.history import History
from retail_forecast.pipeline.level_intervals import read_backtest
from retail_forecast.schemas import CoverageSchema, ScoreSchema, validate_table


def write_intervals_and_scores(
    predictions: pl.DataFrame,
    history: History,
    spec: FeatureSpec,
    out: Path,
    *,
    model: str,
    non_negative: bool,
) -> pl.DataFrame:
    """Writes intervals.json of `model`, scores.parquet and .json, coverage.parquet; returns the scores.

    The quantiles in the scores come, at each cutoff, from the residuals of the other cutoffs.
    """
    series = predictions.select(SERIES).unique().sort(SERIES)
    cutoffs = predictions["cutoff"].unique().sort().to_list()
    yardsticks = build_yardsticks(
        series,
        history.sales,
        history.attributes,
        history.prices,
        history.levels,
        dict.fromkeys(cutoffs, spec.horizon),
    )
    periods = spread_periods(spec.frequency)
    recent = history.sales.filter(pl.col("date") > spec.shift(cutoffs[0], -periods))
    learned = read_backtest(
        predictions.filter(pl.col("model") == model),
        build_panel(recent, series, last=cutoffs[-1]),
        [yardstick.level for yardstick in yardsticks[cutoffs[0]]],
        quantiles=history.quantiles,
        spread_periods=periods,
        non_negative=non_negative,
    )
    write_json(out / "intervals.json", intervals_to_json(learned.fit()))
    of_quantiles, coverage = learned.judge(yardsticks, model=model)
    scores = pl.concat([score_against(predictions, yardsticks), of_quantiles]).sort(
        "model", "cutoff", maintain_order=True
    )
    finite = validate_table(ScoreSchema, scores.filter(pl.col("value").is_finite()), table="scores")
    finite.write_parquet(out / "scores.parquet")
    write_json(out / "scores.json", json.loads(finite.write_json()))
    validate_table(CoverageSchema, coverage, table="coverage").write_parquet(out / "coverage.parquet")
    return finite
