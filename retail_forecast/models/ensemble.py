"""The forecast of a pool: the mean of its members.

plain    gradient boosting of the units
scaled   gradient boosting of the units relative to what the series sells of late: growth and size carry over
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retail_forecast.features import FeatureSpec, level_names
from retail_forecast.models.gradient_boosting import load_booster, predict_pool, train_pool
from retail_forecast.models.recipe import SCALED, Recipe

_LEAST_LEVEL = 1e-3


def train_members(
    frame: pl.DataFrame, recipe: Recipe, spec: FeatureSpec, categories: Mapping[str, list[str]]
) -> dict[str, str]:
    """Member to the text of its model. See `train_pool`."""
    return {
        member: train_pool(frame, recipe, spec, categories, offset=_offset(member, frame, spec))
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
        predict_pool(booster, frame, spec, categories, offset=_offset(member, frame, spec))
        for member, booster in boosters.items()
    ]
    least = 0.0 if recipe.objective == "tweedie" else -np.inf
    return np.asarray(np.maximum(np.array(forecasts), least).mean(axis=0))


def _offset(member: str, frame: pl.DataFrame, spec: FeatureSpec) -> NDArray[np.float64] | None:
    """The logarithm of what each series sells of late, for the member that is relative to it."""
    if member != SCALED:
        return None
    parts = [pl.col(name).cast(pl.Float64).fill_null(0.0) * weight for name, weight in level_names(spec).items()]
    level = frame.select(level=pl.sum_horizontal(parts).clip(lower_bound=_LEAST_LEVEL))["level"]
    return np.asarray(np.log(level.to_numpy()))
