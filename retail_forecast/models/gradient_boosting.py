"""One LightGBM model for a pool of stores: direct, so every feature is known at the cutoff whatever the lead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retail_forecast.errors import TrainingError
from retail_forecast.features import FeatureSpec, categorical_features, encode_categories, feature_names
from retail_forecast.models.recipe import Recipe


def train_pool(
    frame: pl.DataFrame,
    recipe: Recipe,
    spec: FeatureSpec,
    categories: Mapping[str, list[str]],
    *,
    offset: NDArray[np.float64] | None = None,
) -> str:
    """A model for the series of `frame`, as LightGBM's own text: the mean of units_sold given the features.

    offset: per row, what the logarithm of the mean begins with; the trees learn what is to be added (Tweedie only).
    frame: feature rows at or before the cutoff; rows without units_sold teach nothing and are left out.
    The text depends on the rows and the recipe alone: one thread, fixed seeds, no order from outside.
    """
    import lightgbm

    taught = frame["units_sold"].is_not_null()
    known = frame.filter(taught)
    if known.is_empty():
        raise TrainingError("There are no rows with known sales to train on. Deliver sales, or move the cutoff later.")
    names = feature_names(spec)
    text_columns = set(categorical_features(spec))
    target = known["units_sold"].cast(pl.Float32).to_numpy()
    parameters = _parameters(recipe, target)
    data = lightgbm.Dataset(
        _matrix(known, names, categories),
        label=target,
        feature_name=[f"f{position}" for position in range(len(names))],  # its text format allows no odd names
        categorical_feature=[position for position, name in enumerate(names) if name in text_columns],
        init_score=None if offset is None or not _is_log(parameters) else offset[taught.to_numpy()],
        params=parameters,
        free_raw_data=True,
    ).construct()
    del known, frame
    return str(lightgbm.train(parameters, data, num_boost_round=recipe.rounds(len(target))).model_to_string())


def load_booster(text: str) -> Any:
    """The model behind a text that `train_pool` made."""
    import lightgbm

    return lightgbm.Booster(model_str=text)


def predict_pool(
    booster: Any,
    frame: pl.DataFrame,
    spec: FeatureSpec,
    categories: Mapping[str, list[str]],
    *,
    offset: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """The expected units_sold of each row of `frame`; `offset` as in training."""
    if frame.is_empty():
        return np.zeros(0)
    matrix = _matrix(frame, feature_names(spec), categories)
    if offset is None or not _is_log({"objective": booster.dump_model(num_iteration=1)["objective"].split()[0]}):
        return np.asarray(booster.predict(matrix, num_threads=1), dtype=np.float64)
    return np.exp(np.asarray(booster.predict(matrix, raw_score=True, num_threads=1), dtype=np.float64) + offset)


def _matrix(frame: pl.DataFrame, names: Sequence[str], categories: Mapping[str, list[str]]) -> NDArray[np.float32]:
    """[rows, features]; NaN where a feature is missing or a category was never seen."""
    encoded = encode_categories(frame.select(names), categories)
    return encoded.select(pl.all().cast(pl.Float32).fill_null(float("nan"))).to_numpy()


def _parameters(recipe: Recipe, target: NDArray[np.float32]) -> dict[str, Any]:
    # the Tweedie loss is undefined where nothing at all was sold; the mean is then zero in any case
    sold = recipe.objective == "tweedie" and bool((target > 0).any())
    return {
        "objective": "tweedie" if sold else "regression",
        "tweedie_variance_power": recipe.tweedie_power,
        "metric": "none",
        "learning_rate": recipe.learning_rate * recipe.trees / recipe.rounds(len(target)),
        "num_leaves": recipe.leaves_for(len(target)),
        "min_data_in_leaf": recipe.leaf_rows(len(target)),
        "max_bin": recipe.max_bin,
        "feature_fraction": recipe.feature_fraction,
        "bagging_fraction": recipe.row_fraction,
        "bagging_freq": 1,
        "seed": recipe.seed,
        "num_threads": recipe.threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }


def _is_log(parameters: Mapping[str, Any]) -> bool:
    """Whether the model adds up logarithms; it does not where nothing at all was sold."""
    return bool(parameters["objective"] == "tweedie")
