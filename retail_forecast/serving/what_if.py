"""The model is asked again with other covariates: many scenarios in one call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retail_forecast.models import Bundle
from retail_forecast.models.bundle import SERIES_LEVEL
from retail_forecast.models.feature_matrix import Matrix
from retail_forecast.serving.feature_rows import FeatureRows
from retail_forecast.serving.outside import find_outside
from retail_forecast.serving.scenario import CovariateChange, Value, check_change
from retail_forecast.serving.table import DECIMALS, ForecastTable, Series

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scenario:
    """Changes to one series that can be made. changes: covariate, which periods of its horizon, value."""

    series: Series
    span: tuple[int, int]
    changes: tuple[tuple[str, NDArray[np.intp], Value], ...]

    @property
    def height(self) -> int:
        """Periods of the series."""
        return self.span[1] - self.span[0]

    @property
    def changed(self) -> NDArray[np.bool_]:
        """[H]: whether a change names the period."""
        named = np.zeros(self.height, dtype=bool)
        for _, periods, _ in self.changes:
            named[periods] = True
        return named


@dataclass(frozen=True)
class Outcome:
    """What the model says. values: mean and quantiles [H, 1 + Q]. outside: see `find_outside`."""

    values: Floats
    outside: list[dict[str, Any]] | None


@dataclass
class _Asked:
    """A scenario as its answer grows. moved [H]: whether a number of the period became another."""

    scenario: Scenario
    moved: NDArray[np.bool_] = field(init=False)
    means: list[Floats] = field(default_factory=list)
    alignment: NDArray[np.float32] = field(init=False)
    outside: list[dict[str, Any]] | None = None

    def __post_init__(self) -> None:
        self.moved = np.zeros(self.scenario.height, dtype=bool)

    @property
    def mean(self) -> Floats:
        """[H]: of the pools that were asked, which is one for every store that is known."""
        return self.means[0] if len(self.means) == 1 else np.asarray(np.mean(self.means, axis=0))


@dataclass(frozen=True)
class WhatIf:
    """Answers scenarios about one vintage."""

    bundle: Bundle
    table: ForecastTable
    rows: FeatureRows
    quantiles: Sequence[float]

    def scenario(self, series: Series, changes: Iterable[CovariateChange]) -> Scenario:
        """The changes, checked, and their periods looked up. Raises KeyError, ScenarioError."""
        span = self.table.spans[series]
        dates = self.table.dates[slice(*span)]
        found = []
        for one in changes:
            check_change(one, bundle=self.bundle, store_id=series[0], dates=dates)
            at = [period for period, day in enumerate(dates) if one.dates is None or day in one.days]
            found.append((one.column, np.array(at, dtype=np.intp), _short_enough(one.value)))
        return Scenario(series, span, tuple(found))

    def answer(self, scenarios: Sequence[Scenario]) -> list[Outcome]:
        """One outcome per scenario. Periods in which nothing becomes different are as published."""
        asked = [_Asked(scenario) for scenario in scenarios]
        self._ask([(pool, one) for one in asked for pool in self.bundle.pools_for(one.scenario.series[0])])
        values = self._with_quantiles(asked)
        return [Outcome(of_one, one.outside) for of_one, one in zip(values, asked, strict=True)]

    def published(self, scenario: Scenario) -> Floats:
        """Mean and quantiles as published [H, 1 + Q]."""
        return self.table.values[slice(*scenario.span)]

    def _ask(self, turns: list[tuple[str, _Asked]]) -> None:
        """Notes what each pool says of its scenario: the means, which periods move, and what it has not seen."""
        turns.sort(key=itemgetter(0))
        ends = np.cumsum([one.scenario.height for _, one in turns])
        matrix = np.empty((ends[-1], len(self.bundle.columns.position)), dtype=np.float32)
        for (pool, one), end in zip(turns, ends, strict=True):
            rows = matrix[end - one.scenario.height : end]
            one.alignment = self.rows.fill(rows, pool, one.scenario.span)
            one.moved |= self._change(rows, one.scenario, pool)
            one.outside = self._outside(rows, one.scenario, pool)
        self.bundle.columns.add_ratios(matrix)
        moved, mean = np.concatenate([one.moved for _, one in turns]), np.zeros(len(matrix))
        if moved.any():
            groups = groupby(turns, key=itemgetter(0))
            blocks = [(pool, sum(int(one.moved.sum()) for _, one in of_pool)) for pool, of_pool in groups]
            mean[moved] = self.bundle.predict_pools(blocks, matrix[moved])
        for (_, one), of_one in zip(turns, np.split(mean, ends[:-1]), strict=True):
            one.means.append(of_one)

    def _change(self, matrix: Matrix, scenario: Scenario, pool: str) -> NDArray[np.bool_]:
        """Makes the changes in place, in their order; [H]: whether a number of the period became another."""
        columns = {name: self.bundle.columns.position[name] for name, _, _ in scenario.changes}
        touched = list(columns.values())
        before = matrix[:, touched]
        for name, periods, value in scenario.changes:
            matrix[periods, columns[name]] = self._number(name, value, pool)
        after = matrix[:, touched]
        return np.asarray(((before != after) & ~(np.isnan(before) & np.isnan(after))).any(axis=1))

    def _number(self, name: str, value: Value, pool: str) -> float:
        """The value as features have it; NaN for a category that the pool has not seen."""
        if value is None or isinstance(value, str):
            known = self.bundle.categories[pool][name]
            return float(known.index(value)) if value in known else float("nan")
        return float(value)

    def _outside(self, matrix: Matrix, scenario: Scenario, pool: str) -> list[dict[str, Any]] | None:
        if self.bundle.seen is None:
            return None
        dates = self.table.dates[slice(*scenario.span)]
        return find_outside(self.bundle.seen[pool], self.bundle.columns, matrix, dates, scenario.changes)

    def _with_quantiles(self, asked: Sequence[_Asked]) -> list[Floats]:
        """Mean and quantiles of each scenario [H, 1 + Q], rounded; where nothing moved, those that were published."""
        places = np.concatenate([np.arange(*one.scenario.span)[one.moved] for one in asked])
        means = [(one.mean * one.alignment)[one.moved] for one in asked]
        mean = np.concatenate(means).astype(np.float32).astype(np.float64)
        spread = self.table.spreads[places].astype(np.float64)
        intervals = self.bundle.intervals[SERIES_LEVEL]
        units = intervals.quantiles(mean, self.table.leads.stored[places], spread, self.quantiles)
        rows = np.round(np.column_stack([mean, units.astype(np.float32)]), DECIMALS) + 0.0
        values = [self.published(one.scenario).copy() for one in asked]
        parts = np.split(rows, np.cumsum([int(one.moved.sum()) for one in asked])[:-1])
        for one, of_one, part in zip(asked, values, parts, strict=True):
            of_one[one.moved] = part
        return values


def totals(baseline: Floats, scenario: Floats) -> Mapping[str, float]:
    """Expected units over the horizon: as published, under the scenario, and the difference."""
    both = [round(float(values[:, 0].sum()), DECIMALS) + 0.0 for values in (baseline, scenario)]
    return {"baseline": both[0], "scenario": both[1], "difference": round(both[1] - both[0], DECIMALS) + 0.0}


def _short_enough(value: Value) -> Value:
    """JSON's integers have 53 bits."""
    is_long = isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**53
    return float(value) if is_long and value is not None else value
