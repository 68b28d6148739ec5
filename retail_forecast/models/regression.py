"""Sales of groups as a level times effects: what trees, which only know means of what was, say less well.

The logarithm of a group's sales is a level that wanders, and effects of the day (see `effects`), which
`regression_fitting` finds. The level is taken from the last sales, so it is up to date however old the effects are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retail_forecast.features import FeatureSpec
from retail_forecast.models.effects import Effects

Floats = NDArray[np.float64]

_SERIES = ["store_id", "item_id"]
FAR = 2.5  # usual residuals, from which on a day counts less
_CONTEXT_DAYS = 56


def context_start(spec: FeatureSpec, cutoff: date) -> date:
    """The first period whose sales tell the level as of a cutoff."""
    return spec.shift(cutoff, 1 - _CONTEXT_DAYS // spec.period_days)


@dataclass(frozen=True)
class GroupEffects:
    """What a group's days differ by, on the logarithm of (units + small); the level is taken from its last sales.

    forget: periods after which a day counts half for the level. smear: what exp(...) is multiplied with to be a mean.
    noise: the usual residual.
    """

    coefficients: Floats
    small: float
    forget: float
    smear: float
    noise: float


@dataclass(frozen=True)
class Regression:
    """The effects of every group of a training set."""

    effects: Effects
    groups: Mapping[str, GroupEffects]

    def predict(self, rows: pl.DataFrame, spec: FeatureSpec, cutoff: date) -> Floats:
        """[N]: the expected units of each row after the cutoff; NaN for others, and for a group that is unknown.

        rows: feature rows of groups; those from `context_start` to the cutoff tell the level.
        """
        found, matrix = np.full(rows.height, np.nan), self.effects.matrix(rows, spec)
        for name, at, part in by_series(rows):
            if name in self.groups:
                found[at] = _predict_group(self.groups[name], part, matrix[at], spec, cutoff)
        return found

    def to_json(self) -> dict[str, Any]:
        """Plain values for regression.json."""
        groups = {
            name: {**vars(group), "coefficients": [round(float(one), 8) for one in group.coefficients]}
            for name, group in self.groups.items()
        }
        return {"effects": self.effects.to_json(), "groups": groups}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        groups = {
            name: GroupEffects(**{**values, "coefficients": np.array(values["coefficients"])})
            for name, values in raw["groups"].items()
        }
        return cls(Effects.from_json(raw["effects"]), groups)


def _predict_group(
    group: GroupEffects, rows: pl.DataFrame, matrix: NDArray[np.float32], spec: FeatureSpec, cutoff: date
) -> Floats:
    effect = (matrix.astype(np.float64) * group.coefficients).sum(axis=1)
    ahead = (rows["date"] > cutoff).to_numpy()
    units = units_of(rows)
    known = ~ahead & ~np.isnan(units)
    if not known.any():
        return np.full(rows.height, np.nan)
    level = np.log(np.maximum(units[known], 0.0) + group.small) - effect[known]
    middle = np.median(level)
    level = np.clip(level, middle - FAR * group.noise, middle + FAR * group.noise)
    days = days_of(rows)[known]
    weight = 0.5 ** ((days.max() - days) / spec.period_days / group.forget)
    mean = np.exp((level * weight).sum() / weight.sum() + effect) - group.small
    return np.where(ahead, np.maximum(mean, 0.0) * group.smear, np.nan)


def by_series(rows: pl.DataFrame) -> Iterator[tuple[str, NDArray[np.intp], pl.DataFrame]]:
    """Each group's name, the places of its rows, and these."""
    numbered = rows.with_row_index("_row").sort(*_SERIES, "date")
    for (store, item), part in numbered.partition_by(_SERIES, as_dict=True, maintain_order=True).items():
        yield f"{store}/{item}", part["_row"].to_numpy().astype(np.intp), part


def days_of(rows: pl.DataFrame) -> NDArray[np.int32]:
    """[N]: the days of rows, counted from 1970."""
    return np.asarray(rows["date"].to_physical().to_numpy(), dtype=np.int32)


def units_of(rows: pl.DataFrame) -> Floats:
    return rows["units_sold"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
