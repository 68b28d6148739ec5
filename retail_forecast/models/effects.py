"""What days differ by, as the columns of a regression: weekdays, days of the month, seasons, events and numbers.

They are read off feature rows, from what is known ahead of a row alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retail_forecast.features import FeatureSpec
from retail_forecast.features.spec import calendar_names

Floats = NDArray[np.float64]

_YEAR = 365.25
_WAVES = 3
_BEFORE, _AFTER = 4, 2  # periods around an event that have effects of their own
_WEEKDAY, _DAY_OF_MONTH, _SEASON, _EVENT, _NEAR_EVENT, _NUMBER = 0.3, 0.06, 0.15, 0.3, 0.06, 0.15


@dataclass(frozen=True)
class Effects:
    """The columns that training rows had.

    states: state (a column of `_states`) to the values that have a column each. numbers: known-future number to what
    is taken from it and what it is divided by. Both in the order of their names, as JSON keeps them.
    deviations: per column, how large an effect on the logarithm of sales is held for usual before any is seen.
    """

    states: Mapping[str, tuple[str, ...]]
    numbers: Mapping[str, tuple[float, float]]

    @classmethod
    def of(cls, rows: pl.DataFrame, spec: FeatureSpec) -> Self:
        """The effects that feature rows show; a value that never changes has none."""
        states = _states(rows, spec)
        seen = {name: tuple(states[name].drop_nulls().unique().sort().to_list()) for name in sorted(states.columns)}
        numbers = {}
        for name in sorted(_numbers(spec)):
            values = rows[name].cast(pl.Float64).drop_nulls().drop_nans()
            if values.len() > 1 and values.min() != values.max():
                numbers[name] = (float(values.mean()), float(values.std()))  # type: ignore[arg-type]
        return cls({name: values for name, values in seen.items() if values}, numbers)

    @property
    def deviations(self) -> Floats:
        """[K]"""
        states = [_deviation(state) for state, values in self.states.items() for _ in values]
        waves = [_SEASON / wave for wave in range(1, _WAVES + 1) for _ in range(2)]
        return np.array([*states, *waves, *(_NUMBER for _ in self.numbers)])

    def matrix(self, rows: pl.DataFrame, spec: FeatureSpec) -> NDArray[np.float32]:
        """[N, K]: ones where a row is in a state, waves of the year, and numbers in deviations from their mean."""
        states = _states(rows, spec)
        columns = [
            (states[name] == value).fill_null(False).cast(pl.Float32).to_numpy()
            for name, values in self.states.items()
            for value in values
        ]
        angle = rows["date"].to_physical().to_numpy() * (2 * np.pi / _YEAR)
        columns += [wave(angle * n) for n in range(1, _WAVES + 1) for wave in (np.sin, np.cos)]
        for name, (mean, deviation) in self.numbers.items():
            scaled = (rows[name].cast(pl.Float64).fill_nan(None) - mean) / deviation
            columns.append(scaled.fill_null(0.0).clip(-10.0, 10.0).to_numpy())
        return np.stack(columns, axis=1).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"states": dict(self.states), "numbers": dict(self.numbers)}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        parts = ({name: tuple(raw[part][name]) for name in sorted(raw[part])} for part in ("states", "numbers"))
        return cls(*parts)


def _numbers(spec: FeatureSpec) -> list[str]:
    return [name for name, kind in spec.known_future.items() if kind != "category"]


def _deviation(state: str) -> float:
    usual = {"weekday": _WEEKDAY, "day_of_month": _DAY_OF_MONTH}
    return usual.get(state, _NEAR_EVENT if ":" in state else _EVENT)


def _states(rows: pl.DataFrame, spec: FeatureSpec) -> pl.DataFrame:
    """One column of text per kind of state, null where a row is in none."""
    days = [name for name in calendar_names(spec) if name in ("weekday", "day_of_month")]
    events = [name for name, kind in spec.events.items() if kind == "category"]
    own = [pl.col(name).cast(pl.Int32).cast(pl.String) for name in days]
    return rows.select(*own, *events, *(near for name in events for near in _near(name)))


def _near(event: str) -> Iterator[pl.Expr]:
    """The event that begins in so many periods, and the one that ended so many ago."""
    for periods in range(1, _BEFORE + 1):
        yield (
            pl.when(pl.col(f"{event}_periods_to_change") == periods).then(f"{event}_next").alias(f"{event}:-{periods}")
        )
    for periods in range(_AFTER):
        usual = pl.col(event).is_null() & (pl.col(f"{event}_periods_since_change") == periods)
        yield pl.when(usual).then(f"{event}_previous").alias(f"{event}:{periods + 1}")
