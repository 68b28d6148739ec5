"""The level of a backtest's forecasts: at each cutoff what earlier cutoffs taught, as a forecast of that day had it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import polars as pl

from retail_forecast.features import FeatureSpec
from retail_forecast.models import LEVEL_CUTOFFS, fit_level
from retail_forecast.pipeline.backtest_shards import CHALLENGER, CHAMPION


def teaching_cutoffs(cutoffs: Collection[date], spec: FeatureSpec, *, first: date) -> list[date]:
    """The cutoffs, and those before each that its level is learned from; none before `first`."""
    before = {spec.shift(cutoff, -back * spec.horizon) for cutoff in cutoffs for back in range(LEVEL_CUTOFFS)}
    return sorted({cutoff for cutoff in before if cutoff >= first} | set(cutoffs))


def level_backtest(
    predictions: pl.DataFrame, evidence: pl.DataFrame, *, own: Collection[date]
) -> tuple[pl.DataFrame, float]:
    """The predictions at the level that each cutoff knew, and the challenger's level for the forecasts to come.

    predictions, evidence: rows model, cutoff, mean, units_sold (units). Evidence of a cutoff counts for later ones
    alone. own: cutoffs at which the champion forecast itself, at its own level.
    """
    parts = []
    for (model, cutoff), part in predictions.partition_by("model", "cutoff", as_dict=True, maintain_order=True).items():
        leaves = model not in (CHALLENGER, CHAMPION) or (model == CHAMPION and cutoff in own)
        earlier = evidence.filter(pl.col("model") == model, pl.col("cutoff") < cutoff)
        level = 1.0 if leaves else fit_level(earlier)
        parts.append(part.with_columns(mean=(pl.col("mean") * level).cast(pl.Float32)))
    return pl.concat(parts), fit_level(evidence.filter(pl.col("model") == CHALLENGER))
