"""What-if: the feature rows of one series with other covariates, for the model to predict again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from retail_forecast.features import FeatureSpec, add_known_features
from retail_forecast.models import Bundle

Value = bool | int | float | str | None

_EXPECTED = {
    "float": "a finite number",
    "integer": "a whole number",
    "boolean": "true or false",
    "category": "one of the values that the model has seen, or null",
}


class ScenarioError(ValueError):
    """A change that makes no sense for the series or the model; the message names it and what would be right."""


@dataclass(frozen=True)
class CovariateChange:
    """One covariate takes `value` on `dates`; None stands for every date of the horizon."""

    column: str
    dates: Sequence[date] | None
    value: Value


def apply_changes(rows: pl.DataFrame, changes: Iterable[CovariateChange], spec: FeatureSpec) -> pl.DataFrame:
    """The same feature rows with the changes made, in their order, and what follows from them worked out anew."""
    for change in changes:
        value = pl.lit(change.value).cast(rows.schema[change.column])
        hit = pl.lit(True) if change.dates is None else pl.col("date").is_in(list(change.dates))
        rows = rows.with_columns(pl.when(hit).then(value).otherwise(pl.col(change.column)).alias(change.column))
    return add_known_features(rows, spec)


def check_change(change: CovariateChange, *, bundle: Bundle, store_id: str, dates: Sequence[date]) -> None:
    """Raises ScenarioError unless the model knows the covariate, its value, and forecasts the dates."""
    known = bundle.spec.known_future
    if change.column not in known:
        names = ", ".join(sorted(known)) or "none; the dataset names none as known_future"
        raise ScenarioError(f"{change.column!r} is no covariate that the model knows ahead. Known: {names}.")
    if outside := sorted(day for day in change.dates or () if day not in dates):
        raise ScenarioError(f"{outside[0]} is not forecast for this series: {min(dates)} to {max(dates)} are.")
    _check_value(change, known[change.column], _categories(bundle, store_id).get(change.column, []))


def _check_value(change: CovariateChange, kind: str, categories: Sequence[str]) -> None:
    value = change.value
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    fits = {
        "float": number,
        "integer": number and float(value or 0).is_integer(),
        "boolean": isinstance(value, bool),
        "category": value is None or value in categories,
    }
    if not fits[kind]:
        values = f": {', '.join(categories[:20])}" if kind == "category" else ""
        raise ScenarioError(f"{change.column}: found {value!r}; expected {_EXPECTED[kind]}{values}.")


def _categories(bundle: Bundle, store_id: str) -> Mapping[str, Sequence[str]]:
    """The values behind the codes of the pool that answers for the store."""
    pools = [pool for pool, stores in bundle.pools.items() if store_id in stores]
    return bundle.categories[(pools or sorted(bundle.categories))[0]]
