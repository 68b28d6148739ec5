"""Scores of quantiles at every level of the hierarchy: scaled pinball loss, weighted quantile loss, coverage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retail_forecast.evaluation import metrics
from retail_forecast.evaluation.hierarchy import ALL_LEVELS
from retail_forecast.evaluation.yardsticks import Yardstick

Floats = NDArray[np.float64]
COVERAGE_COLUMNS = {
    "cutoff": pl.Date,
    "level": pl.String,
    "lead": pl.Int16,
    "quantile": pl.Float64,
    "share_below": pl.Float64,
    "pinball": pl.Float64,
}


def quantile_scores(
    actual: Mapping[str, Floats],
    forecasts: Mapping[str, Floats],
    quantiles: Sequence[float],
    yardsticks: Sequence[Yardstick],
) -> list[tuple[str, str, float]]:
    """(level, metric, value): `wspl`, `pinball` (units), `wql`, `coverage_…` of the central intervals.

    actual: level to [G, H], NaN where it is not known. forecasts: level to [G, H, Q], quantiles rising.
    The weighted scaled pinball loss of the level "all" is the mean over the levels.
    """
    rows: list[tuple[str, str, float]] = []
    for yardstick in yardsticks:
        name = yardstick.level.name
        known = np.isfinite(actual[name])
        if known.any():
            scaled = metrics.scaled_pinball(actual[name], forecasts[name], quantiles, yardstick.absolute, known)
            rows.append((name, "wspl", metrics.weighted_mean(scaled, yardstick.weight)))
            rows += [(name, *one) for one in plain_scores(actual[name][known], forecasts[name][known], quantiles)]
    losses = [value for _, metric, value in rows if metric == "wspl"]
    return [(ALL_LEVELS, "wspl", float(np.mean(losses))), *rows] if losses else rows


def plain_scores(actual: Floats, forecasts: Floats, quantiles: Sequence[float]) -> list[tuple[str, float]]:
    """(metric, value) over [M] values and [M, Q] forecasts, every value weighing the same."""
    losses = [metrics.pinball(actual, forecasts[:, i], quantile) for i, quantile in enumerate(quantiles)]
    scores = [("pinball", float(np.mean(losses))), ("wql", metrics.wql(actual, forecasts, quantiles))]
    for low, quantile in enumerate(quantiles):
        high = next((i for i, other in enumerate(quantiles) if np.isclose(other, 1 - quantile)), low)
        if high > low:
            share = metrics.coverage(actual, forecasts[:, low], forecasts[:, high])
            scores.append((f"coverage_{1 - 2 * quantile:g}", share))
    return scores


def coverage_table(
    actual: Mapping[str, Floats], forecasts: Mapping[str, Floats], quantiles: Sequence[float], *, cutoff: date
) -> pl.DataFrame:
    """One row per level, lead and quantile: the share of values at or below it, and its mean pinball loss (units).

    The arrays are those of `quantile_scores`.
    """
    rows: list[tuple[date, str, int, float, float, float]] = []
    for level, values in actual.items():
        for lead in range(values.shape[1]):
            known = np.isfinite(values[:, lead])
            if known.any():
                sold, at_lead = values[known, lead], forecasts[level][known, lead]
                for i, quantile in enumerate(quantiles):
                    share = float(np.mean(sold <= at_lead[:, i]))
                    loss = metrics.pinball(sold, at_lead[:, i], quantile)
                    rows.append((cutoff, level, lead + 1, quantile, share, loss))
    return pl.DataFrame(rows, schema=COVERAGE_COLUMNS, orient="row")
