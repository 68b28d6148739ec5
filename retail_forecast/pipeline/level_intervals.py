"""Quantiles at every level: learned from a backtest, scored at each of its cutoffs, and added to a set of forecasts.

The mean of a group is the sum of its series. Its quantiles are learned at its own level, because errors of series that
go together do not cancel out as independent ones would.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retail_forecast.dataset import SERIES
from retail_forecast.evaluation import ALL_LEVELS, SCORE_COLUMNS, coverage_table, quantile_scores
from retail_forecast.evaluation.hierarchy import Level
from retail_forecast.evaluation.panel import Panel, numbered
from retail_forecast.evaluation.yardsticks import Yardstick
from retail_forecast.models import Intervals, Sample, compute_spread, fit_intervals, raise_to_parts

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Backtested:
    """What a backtest says of every level, at C cutoffs."""

    cutoffs: tuple[date, ...]
    levels: Mapping[str, Level]
    samples: Mapping[str, Sample]
    quantiles: tuple[float, ...]
    non_negative: bool

    def fit(self, *, without: int | None = None) -> dict[str, Intervals]:
        """Level to intervals, from all cutoffs but one."""
        kept = np.array([place for place in range(len(self.cutoffs)) if place != without])
        samples = {name: sample.at(kept) for name, sample in self.samples.items()}
        known = {name: sample for name, sample in samples.items() if sample.is_known}
        return {
            name: fit_intervals(sample, quantiles=self.quantiles, non_negative=self.non_negative)
            for name, sample in known.items()
        }

    def judge(self, yardsticks: Mapping[date, Sequence[Yardstick]], *, model: str) -> tuple[pl.DataFrame, pl.DataFrame]:
        """(scores, coverage by lead) at each cutoff, by the residuals of the other cutoffs; empty with one cutoff."""
        rows: list[tuple[str, date, str, str, float]] = []
        tables: list[pl.DataFrame] = [coverage_table({}, {}, self.quantiles, cutoff=self.cutoffs[0])]
        for place, cutoff in enumerate(self.cutoffs if len(self.cutoffs) > 1 else ()):
            one = {name: sample.at(np.array([place])) for name, sample in self.samples.items()}
            forecasts = coherent_quantiles(self.fit(without=place), self.levels, one, self.quantiles, self.non_negative)
            actual = {name: one[name].units[0] for name in forecasts}
            judged = [yardstick for yardstick in yardsticks[cutoff] if yardstick.level.name in forecasts]
            scored = quantile_scores(actual, forecasts, self.quantiles, judged)
            complete = len(judged) == len(yardsticks[cutoff])
            rows += [(model, cutoff, *score) for score in scored if complete or score[0] != ALL_LEVELS]
            tables.append(coverage_table(actual, forecasts, self.quantiles, cutoff=cutoff))
        return pl.DataFrame(rows, schema=SCORE_COLUMNS, orient="row"), pl.concat(tables)


def read_backtest(
    rows: pl.DataFrame,
    panel: Panel,
    levels: Sequence[Level],
    *,
    quantiles: Sequence[float],
    spread_periods: int,
    non_negative: bool,
) -> Backtested:
    """The samples of all levels, from one model's rows: store_id, item_id, cutoff, lead, mean, units_sold.

    panel: history of all series of the rows. A group's mean and units are summed over what is known of both.
    """
    known = rows.drop_nulls(["mean", "units_sold"]).join(numbered(panel.series), on=list(SERIES))
    cutoffs = tuple(rows["cutoff"].unique().sort())
    horizon = int(rows.select(pl.col("lead").max()).item())
    shape = (len(cutoffs), panel.series.height, horizon)
    places = known["cutoff"].replace_strict({day: i for i, day in enumerate(cutoffs)}, return_dtype=pl.Int64)
    at = places.to_numpy(), known["row"].to_numpy(), known["lead"].to_numpy() - 1
    there, mean, units = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    there[at], mean[at], units[at] = 1.0, known["mean"].to_numpy(), known["units_sold"].to_numpy()
    recent = [_recent(panel, cutoff, spread_periods) for cutoff in cutoffs]
    samples = {}
    for level in levels:
        sums = [
            np.stack([sums_of_known(level, *one) for one in zip(values, there, strict=True)])
            for values in (mean, units)
        ]
        spread = np.stack([compute_spread(level.sums(units_before)) for units_before in recent])
        samples[level.name] = Sample(tuple(level.groups), sums[0], sums[1], spread)
    by_name = {level.name: level for level in levels}
    return Backtested(cutoffs, by_name, samples, tuple(quantiles), non_negative)


def sums_of_known(level: Level, values: Floats, there: Floats) -> Floats:
    """[N, H] to [G, H]: the sum over each group's series of what is there (1.0, else 0.0); NaN where nothing is."""
    return np.asarray(np.where(level.sums(there) > 0, level.sums(values * there), np.nan))


def coherent_quantiles(
    intervals: Mapping[str, Intervals],
    levels: Mapping[str, Level],
    samples: Mapping[str, Sample],
    quantiles: Sequence[float],
    non_negative: bool,
) -> dict[str, Floats]:
    """Level to [G, H, Q] at the one cutoff of the samples; where sales are never negative, no whole below its parts.

    Where a group has no mean, its quantiles are NaN.
    """
    made = {name: _quantiles(one, samples[name], quantiles) for name, one in intervals.items()}
    if not non_negative:
        return made
    filled = {name: np.nan_to_num(values, nan=0.0) for name, values in made.items()}
    raised = raise_to_parts(filled, {name: levels[name].codes for name in made})
    return {name: np.where(np.isnan(made[name]), np.nan, raised[name]) for name in made}


def _quantiles(intervals: Intervals, sample: Sample, quantiles: Sequence[float]) -> Floats:
    mean = sample.mean[0]
    groups, horizon = mean.shape
    lead = np.tile(np.arange(1, horizon + 1), groups)
    spread = np.repeat(intervals.spreads(sample.groups, sample.spread[0]), horizon)
    made = intervals.quantiles(mean.ravel(), lead, spread, quantiles)
    return made.reshape(groups, horizon, -1)


def _recent(panel: Panel, cutoff: date, periods: int) -> NDArray[np.float32]:
    """[N, P]: the last periods up to the cutoff."""
    stop = panel.periods_until(cutoff)
    return panel.units[:, max(stop - periods, 0) : stop]
