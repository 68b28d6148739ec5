"""What-if: another value of a covariate that is known ahead, checked before the model is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from retail_forecast.models import Bundle

Value = bool | int | float | str | None

_LARGEST = 3.4e38  # features are Float32
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

    @cached_property
    def days(self) -> frozenset[str]:
        """The dates as ISO texts; none where every date is meant."""
        return frozenset(day.isoformat() for day in self.dates or ())


def check_change(change: CovariateChange, *, bundle: Bundle, store_id: str, dates: Sequence[str]) -> None:
    """Raises ScenarioError unless the model knows the covariate, its value, and forecasts the dates (ISO texts)."""
    known = bundle.spec.known_future
    if change.column not in known:
        names = ", ".join(sorted(known)) or "none; the dataset names none as known_future"
        raise ScenarioError(f"{change.column!r} is no covariate that the model knows ahead. Known: {names}.")
    if outside := change.days.difference(dates):
        raise ScenarioError(f"{min(outside)} is not forecast for this series: {min(dates)} to {max(dates)} are.")
    kind = known[change.column]
    _check_value(change, kind, _categories(bundle, store_id)[change.column] if kind == "category" else ())


def _check_value(change: CovariateChange, kind: str, categories: Sequence[str]) -> None:
    value = change.value
    number = isinstance(value, int | float) and not isinstance(value, bool) and -_LARGEST <= value <= _LARGEST
    fits = {
        "float": number,
        "integer": number and float(value or 0).is_integer(),
        "boolean": isinstance(value, bool),
        "category": value is None or value in categories,
    }
    if not fits[kind]:
        values = f": {', '.join(categories[:20])}" if kind == "category" else ""
        raise ScenarioError(f"{change.column}: found {_short(value)}; expected {_EXPECTED[kind]}{values}.")


def _categories(bundle: Bundle, store_id: str) -> Mapping[str, Sequence[str]]:
    """The values behind the codes of the pool that answers for the store."""
    return bundle.categories[bundle.pools_for(store_id)[0]]


def _short(value: Value) -> str:
    """A number may have more digits than Python writes."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _LARGEST:
        return "a number beyond 3.4e38"
    return repr(value)
