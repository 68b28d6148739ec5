"""The forecast of a pool: the mean of its members.

plain    gradient boosting of the units
scaled   gradient boosting of the units relative to what the series sells of late, from features relative to it too:
         growth and size carry over
wide     the scaled member with trees of twice as many leaves, full with four fifths of the features for each: for
         groups, where members that err in other days are worth more than a better one
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retail_forecast.errors import TrainingError
from retail_forecast.features import FeatureSpec
from retail_forecast.models.feature_matrix import Columns, Matrix, build_feature_matrix
from retail_forecast.models.gradient_boosting import Booster, load_booster, train_pool
from retail_forecast.models.recipe import PLAIN, Recipe


def train_members(
    frame: pl.DataFrame, recipe: Recipe, spec: FeatureSpec, categories: Mapping[str, list[str]]
) -> dict[str, str]:
    """Member to the text of its model. See `train_pool`.

    frame: feature rows at or before the cutoff; rows without units_sold teach nothing and are left out.
    """
    known = frame.filter(pl.col("units_sold").is_not_null())
    if known.is_empty():
        raise TrainingError("There are no rows with known sales to train on. Deliver sales, or move the cutoff later.")
    columns, target = Columns(spec), known["units_sold"].cast(pl.Float32).to_numpy()
    texts: dict[str, str] = {}
    for member in recipe.members:
        matrix, offset = as_seen(member, build_feature_matrix(known, spec, categories), columns)
        texts[member] = train_pool(matrix, target, recipe.for_member(member), spec, offset=offset)
    return texts


def load_members(texts: Mapping[str, str]) -> dict[str, Booster]:
    """The boosters behind the texts of `train_members`."""
    return {member: load_booster(text) for member, text in texts.items()}


def predict_members(
    boosters: Mapping[str, Booster],
    frame: pl.DataFrame,
    recipe: Recipe,
    spec: FeatureSpec,
    categories: Mapping[str, list[str]],
) -> NDArray[np.float64]:
    """The expected units_sold of each row: the mean of the members, never negative under Tweedie."""
    if frame.is_empty():
        return np.zeros(0)
    return predict_matrix(boosters, build_feature_matrix(frame, spec, categories), recipe, Columns(spec))


def predict_matrix(
    boosters: Mapping[str, Booster], matrix: Matrix, recipe: Recipe, columns: Columns
) -> NDArray[np.float64]:
    """The same from the rows' numbers [N, F]."""
    return predict_blocks([(boosters, len(matrix))], matrix, recipe, columns)


def predict_blocks(
    blocks: Sequence[tuple[Mapping[str, Booster], int]], matrix: Matrix, recipe: Recipe, columns: Columns
) -> NDArray[np.float64]:
    """The same of several pools: whose boosters answer for how many of the rows, which follow one another."""
    ends, forecasts = np.cumsum([rows for _, rows in blocks])[:-1], []
    for member in blocks[0][0]:
        seen, offset = as_seen(member, matrix, columns)
        offsets = [None] * len(blocks) if offset is None else np.split(offset, ends)
        parts = zip(blocks, np.split(seen, ends), offsets, strict=True)
        forecasts.append(np.concatenate([boosters[member].predict(rows, more) for (boosters, _), rows, more in parts]))
    return np.asarray(np.maximum(np.array(forecasts), least_units(recipe)).mean(axis=0))


def as_seen(member: str, matrix: Matrix, columns: Columns) -> tuple[Matrix, NDArray[np.float64] | None]:
    """The rows as the member sees them, and the logarithm of the level that they are relative to."""
    if member == PLAIN:
        return matrix, None
    levels = columns.levels(matrix)
    return columns.relative(matrix, levels), np.log(levels)


def least_units(recipe: Recipe) -> float:
    """What a member's forecast does not fall below."""
    return 0.0 if recipe.objective == "tweedie" else -np.inf
