"""Forecasts of series become forecasts of every level: spread and quantiles beside each series, and the groups."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from retail_forecast.dataset import SERIES, Dataset
from retail_forecast.evaluation import level_name
from retail_forecast.evaluation.hierarchy import Level, build_levels, level_sums
from retail_forecast.evaluation.panel import numbered
from retail_forecast.lake.tables import Lake
from retail_forecast.models import Bundle, Sample, compute_spread, spread_periods
from retail_forecast.models.bundle import SERIES_LEVEL
from retail_forecast.pipeline.accuracy import scoring_inputs
from retail_forecast.pipeline.level_intervals import Floats, coherent_quantiles, sums_of_known
from retail_forecast.pipeline.past import past_table, read_past
from retail_forecast.schemas import level_forecast_schema, validate_table


def add_levels(
    lake: Lake, dataset: Dataset, bundle: Bundle, means: pl.DataFrame, releases: pl.DataFrame, *, cutoff: date
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """(the same rows with spread and quantiles, one row per group and period of the levels above them, what all sold).

    means: store_id, item_id, date, lead, mean. releases: the first sale of each series. A level that the bundle has no
    intervals for is left out: its attributes arrived after the training. Raises SchemaError if a forecast breaks its
    schema.
    """
    inputs, series = scoring_inputs(lake, dataset), means.select(SERIES).unique().sort(SERIES)
    columns = {level_name(level): level for level in (SERIES, *inputs.levels)}
    intervals = {name: one for name, one in bundle.intervals.items() if name in columns}
    levels = build_levels(series, inputs.attributes, [columns[name] for name in intervals])
    rows = means.join(numbered(series), on=list(SERIES), maintain_order="left")
    at = rows["row"].to_numpy(), rows["lead"].to_numpy() - 1
    mean, there = np.zeros((2, series.height, dataset.horizon))
    mean[at], there[at] = rows["mean"].to_numpy(), 1.0
    past = read_past(lake, dataset, series, releases, cutoff=cutoff)
    sold = level_sums(levels, past.units)
    recent = past.recent(spread_periods(dataset.frequency))
    samples = {level.name: _sample(level, mean, there, np.take(sold[level.name], recent, axis=1)) for level in levels}
    non_negative = all(one.non_negative for one in intervals.values())
    by_name = {level.name: level for level in levels}
    quantiles = coherent_quantiles(intervals, by_name, samples, dataset.quantiles, non_negative)
    own = samples[SERIES_LEVEL]
    spread = intervals[SERIES_LEVEL].spreads(own.groups, own.spread[0])[at[0]]
    beside = pl.DataFrame({"spread": spread} | _columns(quantiles[SERIES_LEVEL][at], dataset)).cast(pl.Float32)
    above = [
        _level_rows(level, own_sample.mean[0], quantiles[level.name], dataset, cutoff)
        for level, own_sample in zip(levels, samples.values(), strict=True)
        if level.name != SERIES_LEVEL
    ]
    schema = level_forecast_schema(dataset)
    table = pl.concat([schema.create_empty(), *above]).sort("level", "group", "date")
    above_table = validate_table(schema, table, table="level_forecasts")
    return means.hstack(beside), above_table, past_table(past, levels, sold)


def _sample(level: Level, mean: Floats, there: Floats, recent: Floats) -> Sample:
    """One cutoff's means of a level, and its sales of late; nothing is known of its units yet."""
    summed = sums_of_known(level, mean, there)[None]
    spread = compute_spread(recent)[None]
    return Sample(tuple(level.groups), summed, np.full_like(summed, np.nan), spread)


def _level_rows(level: Level, mean: Floats, quantiles: Floats, dataset: Dataset, cutoff: date) -> pl.DataFrame:
    """One row per group and period that is forecast, with the schema's columns."""
    groups, horizon = mean.shape
    dates = dataset.periods_after(cutoff, horizon)
    rows = pl.DataFrame(
        {
            "level": pl.repeat(level.name, groups * horizon, dtype=pl.String, eager=True),
            "group": level.groups.gather(np.repeat(np.arange(groups), horizon)),
            "date": pl.Series(dates * groups, dtype=pl.Date),
            "lead": pl.Series(np.tile(np.arange(1, horizon + 1), groups)).cast(pl.Int16),
            "mean": pl.Series(mean.ravel()).cast(pl.Float32),
            **_columns(quantiles.reshape(groups * horizon, -1), dataset),
        }
    ).cast(dict.fromkeys(dataset.quantile_columns, pl.Float32))
    return rows.filter(pl.col("mean").is_not_nan())


def _columns(quantiles: Floats, dataset: Dataset) -> dict[str, Floats]:
    return {name: quantiles[:, place] for place, name in enumerate(dataset.quantile_columns)}
