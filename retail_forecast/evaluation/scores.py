"""Score tables: every model at every cutoff, by level of aggregation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retail_forecast.errors import SchemaError
from retail_forecast.evaluation import metrics
from retail_forecast.evaluation.hierarchy import ALL_LEVELS, SERIES, level_name
from retail_forecast.evaluation.panel import numbered
from retail_forecast.evaluation.quantile_scores import plain_scores
from retail_forecast.evaluation.yardsticks import Yardstick, build_yardsticks

Frame = pl.LazyFrame | pl.DataFrame
SCORE_COLUMNS = {
    "model": pl.String,
    "cutoff": pl.Date,
    "level": pl.String,
    "metric": pl.String,
    "value": pl.Float64,
}


def score_table(
    predictions: Frame,
    history: Frame,
    attributes: Mapping[str, Frame],
    prices: Frame | None,
    levels: Sequence[Sequence[str]],
    *,
    horizon: int | None = None,
) -> pl.DataFrame:
    """One row per model, cutoff, level and metric: `wrmsse`, `wape`, `mae`, `bias`; `wql`, `coverage_…` of quantiles.

    predictions: store_id, item_id, model, cutoff, date, mean, units_sold (null where not known yet) and any
    q<quantile> columns. All models of a cutoff must cover the same series and periods.
    history: store_id, item_id, date, units_sold; of each cutoff only what lies at or before it is used.
    levels: tuples of keys and attributes, () for the total. `wrmsse` of the level "all" is their mean.
    horizon: periods of revenue that make the weights; by default the periods that were forecast.
    Raises SchemaError when a model leaves out what another one forecast.
    """
    table = predictions.lazy().collect()
    if table.is_empty():
        return pl.DataFrame(schema=SCORE_COLUMNS)
    series = table.select(SERIES).unique().sort(SERIES)
    periods = {cutoff: horizon or frame["date"].n_unique() for (cutoff,), frame in table.group_by("cutoff")}
    return score_against(table, build_yardsticks(series, history, attributes, prices, levels, periods))


def score_against(table: pl.DataFrame, yardsticks: Mapping[date, Sequence[Yardstick]]) -> pl.DataFrame:
    """`score_table` with yardsticks that are there already."""
    series = table.select(SERIES).unique().sort(SERIES)
    rows: list[tuple[str, date, str, str, float]] = []
    for cutoff, at_hand in sorted(yardsticks.items()):
        at_cutoff = table.filter(cutoff=cutoff)
        _check_same_rows(at_cutoff, cutoff)
        for (model,), frame in at_cutoff.partition_by("model", as_dict=True).items():
            scored = _scores(frame, series, at_hand)
            rows += [(str(model), cutoff, level, metric, value) for level, metric, value in scored]
    return pl.DataFrame(rows, schema=SCORE_COLUMNS, orient="row").sort("model", "cutoff", maintain_order=True)


def wrmsse(
    predictions: Frame,
    history: Frame,
    attributes: Mapping[str, Frame],
    prices: Frame | None,
    levels: Sequence[Sequence[str]],
    *,
    cutoff: date,
    horizon: int | None = None,
) -> float:
    """The WRMSSE of one model at one cutoff; `predictions` is store_id, item_id, date, mean, units_sold."""
    named = predictions.lazy().with_columns(model=pl.lit("model"), cutoff=pl.lit(cutoff))
    scores = score_table(named, history, attributes, prices, levels, horizon=horizon)
    return float(scores.filter(level=ALL_LEVELS, metric="wrmsse")["value"].item())


def _check_same_rows(at_cutoff: pl.DataFrame, cutoff: date) -> None:
    keys = [*SERIES, "date"]
    counts = at_cutoff.group_by("model").agg(rows=pl.len()).sort("rows", "model")
    wanted = at_cutoff.select(pl.struct(keys).n_unique()).item()
    if counts["rows"][0] != wanted or counts["rows"][-1] != wanted:
        culprit = counts.filter(pl.col("rows") != wanted).row(0, named=True)
        raise SchemaError(
            table="predictions",
            problems=[f"model {culprit['model']!r} has {culprit['rows']} rows at {cutoff}, not {wanted}"],
            fix="Let every model of a cutoff forecast the same series and periods, each once.",
        )


def _scores(frame: pl.DataFrame, series: pl.DataFrame, yardsticks: Sequence[Yardstick]) -> list[tuple[str, str, float]]:
    """(level, metric, value) of one model at one cutoff."""
    known = frame.drop_nulls("units_sold")
    if known.is_empty():
        return []
    error, actual, forecast_known = _matrices(known, series)
    rows: list[tuple[str, str, float]] = []
    relative: list[float] = []
    for yardstick in yardsticks:
        summed = yardstick.level.sums(error)
        seen = yardstick.level.sums(forecast_known) > 0
        value = metrics.weighted_mean(metrics.rmsse(summed, yardstick.squared, seen), yardstick.weight)
        relative.append(value)
        name = yardstick.level.name
        rows += [(name, "wrmsse", value), (name, "mae", float(np.abs(summed[seen]).mean()))]
        rows.append((name, "bias", float(summed[seen].mean())))
        rows.append((name, "wape", metrics.wape(yardstick.level.sums(actual)[seen], summed[seen])))
    rows.insert(0, (ALL_LEVELS, "wrmsse", float(np.mean(relative)) if relative else float("nan")))
    return rows + _quantile_scores(known)


def _matrices(known: pl.DataFrame, series: pl.DataFrame) -> NDArray[np.float64]:
    """[3, N, H]: forecast minus actual, actual, and 1 where there is an actual value."""
    units = pl.col("units_sold").cast(pl.Float64)
    placed = known.join(numbered(series), on=SERIES).with_columns(
        period=pl.col("date").rank("dense").cast(pl.UInt32) - 1,
        error=pl.col("mean").cast(pl.Float64) - units,
        units=units,
        there=1.0,
    )
    made = np.zeros((3, series.height, placed["date"].n_unique()))
    made[:, placed["row"].to_numpy(), placed["period"].to_numpy()] = (
        placed.select("error", "units", "there").to_numpy().T
    )
    return made


def _quantile_scores(known: pl.DataFrame) -> list[tuple[str, str, float]]:
    """Losses of the quantiles and coverage of the central intervals, over single series."""
    columns = {_quantile(name): name for name in known.columns}
    quantiles = sorted(quantile for quantile in columns if quantile is not None)
    if not quantiles:
        return []
    actual = known["units_sold"].cast(pl.Float64).to_numpy()
    forecasts = known.select(pl.col([columns[q] for q in quantiles]).cast(pl.Float64)).to_numpy()
    return [(level_name(SERIES), *one) for one in plain_scores(actual, forecasts, quantiles)]


def _quantile(column: str) -> float | None:
    try:
        return float(column[1:]) if column.startswith("q") else None
    except ValueError:
        return None
