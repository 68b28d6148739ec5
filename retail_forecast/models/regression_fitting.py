"""The level and the effects of groups, found at once by ridge regressions of the logarithm of their sales.

A ridge regression is the mode of a structural model with normal priors: the level wanders by small steps, the effects
of a group lie around those of the sum of all stores for the same value, and these around those of the total.
Source: Harvey, Forecasting, Structural Time Series Models and the Kalman Filter (1989), chapter 2; Gelman and Hill,
Data Analysis Using Regression and Multilevel/Hierarchical Models (2007), chapter 12.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retail_forecast.features import FeatureSpec
from retail_forecast.models.effects import Effects
from retail_forecast.models.regression import FAR, GroupEffects, Regression, by_series, days_of, units_of

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]

_SERIES = ["store_id", "item_id"]
_STEP_DAYS = 14  # the level may change so often,
_STEP = 0.03  # by about so much
_GROUP_SHARE = 0.5  # of the usual deviation of an effect: how far a group's own lies from that of all stores
_HALF_LIFE_DAYS = 365  # of what a day counts
_SMALL = 0.02  # of a group's mean, added to its sales before their logarithm is taken
_PASSES = 2
_FIRST_NOISE, _LEAST_NOISE = 0.12, 0.03


def fit_regression(rows: pl.DataFrame, spec: FeatureSpec) -> Regression:
    """The regression of feature rows of groups, of which one per group and period counts; rows without sales do not.

    One thread of linear algebra, so that equal rows give equal bytes.
    """
    from threadpoolctl import threadpool_limits

    known = rows.filter(pl.col("units_sold").is_not_null()).unique(
        [*_SERIES, "date"], keep="first", maintain_order=True
    )
    effects = Effects.of(known, spec)
    with threadpool_limits(1):
        return Regression(effects, dict(_fit_groups(known, effects, spec)))


def _fit_groups(rows: pl.DataFrame, effects: Effects, spec: FeatureSpec) -> Iterator[tuple[str, GroupEffects]]:
    days = days_of(rows)
    first, periods = int(days.min()), int(days.max() - days.min()) // spec.period_days + 1
    series = [_sales(name, part, effects, spec, first, periods) for name, _, part in by_series(rows)]
    model = _Model(effects, spec, periods)
    total = model.fit(_sum(series), np.zeros(len(effects.deviations)), 1.0).coefficients
    for value in sorted({one.value for one in series}):
        members = [one for one in series if one.value == value]
        around = model.fit(_sum(members), total, 1.0).coefficients
        for one in members:
            yield one.name, model.fit(one, around, _GROUP_SHARE)


@dataclass(frozen=True)
class _Sales:
    """Of a group or a sum of groups: units [T], NaN where unknown, and effects [T, K], made when they are asked for."""

    name: str
    value: str
    units: Floats
    effects: Callable[[], Matrix]


def _sales(name: str, rows: pl.DataFrame, effects: Effects, spec: FeatureSpec, first: int, periods: int) -> _Sales:
    at = (days_of(rows) - first) // spec.period_days
    units = np.full(periods, np.nan)
    units[at] = units_of(rows)
    return _Sales(name, str(rows["item_id"][0]), units, partial(_spread, rows, effects, spec, at, periods))


def _spread(rows: pl.DataFrame, effects: Effects, spec: FeatureSpec, at: NDArray[np.integer], periods: int) -> Matrix:
    matrix = effects.matrix(rows, spec)
    spread = np.zeros((periods, matrix.shape[1]), dtype=np.float32)
    spread[at] = matrix
    return spread


def _sum(series: Sequence[_Sales]) -> _Sales:
    """The sum of what is known, with the effects that its parts have on average."""
    units = np.array([one.units for one in series])
    known = ~np.isnan(units)
    count = known.sum(axis=0)
    total = np.where(count > 0, np.where(known, units, 0.0).sum(axis=0), np.nan)
    effects = np.zeros(0)
    for one, there in zip(series, known, strict=True):
        part = one.effects() * there[:, None]
        effects = part.astype(np.float64) if not effects.size else effects + part
    mean = (effects / np.maximum(count, 1)[:, None]).astype(np.float32)
    return _Sales("", "", total, lambda: mean)


class _Model:
    """The ridge regression of one group: what it shares with the others."""

    def __init__(self, effects: Effects, spec: FeatureSpec, periods: int) -> None:
        step = max(1, _STEP_DAYS // spec.period_days)
        knots = np.arange(periods - step, 0, -step)
        at = np.arange(periods)
        self._level = np.concatenate([np.ones((periods, 1)), at[:, None] < knots], axis=1)
        self._level_deviations = np.array([10.0, *np.full(len(knots), _STEP)])
        self._deviations = effects.deviations
        self._recency = 0.5 ** ((periods - 1 - at) * spec.period_days / _HALF_LIFE_DAYS)
        self._step, self._year = step, max(1, 364 // spec.period_days)

    def fit(self, sales: _Sales, around: Floats, share: float) -> GroupEffects:
        """The effects of `sales`, which lie `around` those of a larger sum by `share` of their usual deviations."""
        known = ~np.isnan(sales.units)
        units = np.maximum(sales.units[known], 0.0)
        small = max(_SMALL * float(units.mean()), 1e-3)
        design = np.concatenate([self._level[known], sales.effects()[known]], axis=1)
        prior = np.concatenate([np.zeros(self._level.shape[1]), around])
        deviations = np.concatenate([self._level_deviations, self._deviations * share])
        found, noise = _ridge(design, np.log(units + small), prior, deviations, self._recency[known])
        mean = np.maximum(np.exp(design @ found) - small, 0.0)[-self._year :].sum()
        smear = float(np.clip(units[-self._year :].sum() / mean, 0.5, 2.0)) if mean > 0 else 1.0
        forget = float(np.log(2) * noise / (_STEP / np.sqrt(self._step)))
        return GroupEffects(found[self._level.shape[1] :], small, forget, smear, noise)


def _ridge(design: Floats, target: Floats, prior: Floats, deviations: Floats, weight: Floats) -> tuple[Floats, float]:
    """Coefficients [K] of a target [N], and its usual residual; residuals beyond `FAR` times that count less."""
    found, noise, trusted = prior, _FIRST_NOISE, np.ones(len(target))
    for _ in range(_PASSES):
        weighted = design * (weight * trusted)[:, None]
        precision = weighted.T @ design + np.diag(noise**2 / deviations**2)
        found = prior + np.linalg.solve(precision, weighted.T @ (target - design @ prior))
        residual = np.abs(target - design @ found)
        noise = float(np.clip(1.4826 * np.median(residual), _LEAST_NOISE, 1.0))
        trusted = np.minimum(1.0, FAR * noise / np.maximum(residual, 1e-9))
    return found, noise
