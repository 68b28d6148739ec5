"""The level of all forecasts together, set right by past cutoffs: growing sales are under-forecast again and again."""

from __future__ import annotations

import math
from statistics import fmean, variance

import polars as pl

LEVEL_CUTOFFS = 6
"""So many of the last cutoffs have a say: older ones tell of other times."""

_FURTHEST = 1.25


def fit_level(backtest: pl.DataFrame) -> float:
    """What means are to be multiplied with, by units sold over units forecast at the last cutoffs.

    backtest: rows cutoff, mean, units_sold (units) that the model had not seen. The mean of the logarithms is shrunk
    towards no change by how far the cutoffs differ, 1 - (standard error / mean)^2: one cutoff, or cutoffs that
    contradict each other, leave the level (1.0). It is moved by a quarter at most.
    Source: the positive-part James-Stein estimator, Efron and Morris, Data analysis using Stein's estimator and its
    generalizations, Journal of the American Statistical Association 70 (1975).
    """
    known = backtest.drop_nulls(["mean", "units_sold"])
    sums = known.group_by("cutoff").agg(pl.col("mean", "units_sold").cast(pl.Float64).sum()).sort("cutoff")
    last = sums.tail(LEVEL_CUTOFFS)
    if last.height < 2 or (last["mean"] <= 0).any() or (last["units_sold"] <= 0).any():
        return 1.0
    ratios = (last["units_sold"] / last["mean"]).log().to_list()
    middle = fmean(ratios)
    uncertain = variance(ratios) / len(ratios)
    kept = max(0.0, 1 - uncertain / middle**2) if middle else 0.0
    return round(min(max(math.exp(kept * middle), 1 / _FURTHEST), _FURTHEST), 6)
