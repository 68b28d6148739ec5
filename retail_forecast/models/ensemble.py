"""The forecast of a pool: the mean of its members.

plain    gradient boosting of the units
scaled   gradient boosting of the units relative to what the series sells of late, from features relative to it too:
         growth and size carry over
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retail_forecast.features import FeatureSpec, level_names
from retail_forecast.features.windows import SALES
from retail_forecast.models.gradient_boosting import load_booster, predict_pool, train_pool
from retail_forecast.models.recipe import SCALED, Recipe

_LEAST_LEVEL = 1e-3


def train_members(
    frame: pl.DataFrame, recipe: Recipe, spec: FeatureSpec, categories: Mapping[str, list[str]]
) -> dict[str, str]:
    """Member to the text of its model. See `train_pool`."""
    return {
        member: train_pool(_seen(member, frame, spec), recipe, spec, categories, offset=_offset(member, frame, spec))
        for member in recipe.members
    }


def load_members(texts: Mapping[str, str]) -> dict[str, Any]:
    """The boosters behind the texts of `train_members`."""
    return {member: load_booster(text) for member, text in texts.items()}


def predict_members(
    boosters: Mapping[str, Any],
    frame: pl.DataFrame,
    recipe: Recipe,
    spec: FeatureSpec,
    categories: Mapping[str, list[str]],
) -> NDArray[np.float64]:
    """The expected units_sold of each row: the mean of the members, never negative under Tweedie."""
    if frame.is_empty():
        return np.zeros(0)
    forecasts = [
        predict_pool(booster, _seen(member, frame, spec), spec, categories, offset=_offset(member, frame, spec))
        for member, booster in boosters.items()
    ]
    least = 0.0 if recipe.objective == "tweedie" else -np.inf
    return np.asarray(np.maximum(np.array(forecasts), least).mean(axis=0))


def _seen(member: str, frame: pl.DataFrame, spec: FeatureSpec) -> pl.DataFrame:
    """The feature rows as the member sees them: units relative to the level of their series, store or department."""
    if member != SCALED:
        return frame
    w, level = spec.windows, _level(spec).cast(pl.Float32)
    own = [pl.col(name) / level for name in w.sales_units() if name != f"{SALES}_mean_{w.level}"]
    shared = []
    for group in spec.levels:
        reference = f"{group}_{SALES}_mean_{w.level_means[-1]}"
        above = pl.when(pl.col(reference) > 0).then(pl.col(reference))
        shared += [pl.col(name) / above for name in w.level_units(group) if name != reference]
    return frame.with_columns(*own, *shared)


def _offset(member: str, frame: pl.DataFrame, spec: FeatureSpec) -> NDArray[np.float64] | None:
    """The logarithm of what each series sells of late, for the member that is relative to it."""
    return np.log(frame.select(level=_level(spec))["level"].to_numpy()) if member == SCALED else None


def _level(spec: FeatureSpec) -> pl.Expr:
    parts = [pl.col(name).cast(pl.Float64).fill_null(0.0) * weight for name, weight in level_names(spec).items()]
    return pl.sum_horizontal(parts).clip(lower_bound=_LEAST_LEVEL)
