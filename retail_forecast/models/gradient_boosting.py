"""One LightGBM model for a pool of stores: direct, so every feature is known at the cutoff whatever the lead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retail_forecast.features import FeatureSpec, categorical_features, feature_names
from retail_forecast.models.feature_matrix import Matrix
from retail_forecast.models.recipe import Recipe

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Booster:
    """A model that was read. is_log: it adds up logarithms; it does not where nothing at all was sold."""

    model: Any
    is_log: bool

    def predict(self, matrix: Matrix, offset: Floats | None = None) -> Floats:
        """[N, F] to [N]: the expected units_sold of each row; `offset` as in training."""
        if len(matrix) == 0:
            return np.zeros(0)
        if offset is None or not self.is_log:
            return np.asarray(self.model.predict(matrix, num_threads=1), dtype=np.float64)
        return np.exp(np.asarray(self.model.predict(matrix, raw_score=True, num_threads=1), dtype=np.float64) + offset)

    def contributions(self, matrix: Matrix) -> tuple[Floats, Floats]:
        """[N, F] to ([N, F], [N]): TreeSHAP of each feature, and what is expected without any of them.

        Their sum is the raw score: units, or the logarithm of units (or of what they are relative to) if `is_log`.
        Source: Lundberg et al., Consistent Individualized Feature Attribution for Tree Ensembles (2018).
        """
        found = np.asarray(self.model.predict(matrix, pred_contrib=True, num_threads=1), dtype=np.float64)
        return found[:, :-1], found[:, -1]


def train_pool(
    matrix: Matrix, target: NDArray[np.float32], recipe: Recipe, spec: FeatureSpec, *, offset: Floats | None = None
) -> str:
    """A model as LightGBM's own text: the mean of `target` [N] given the features [N, F] of `spec`.

    offset: per row, what the logarithm of the mean begins with; the trees learn what is to be added (Tweedie only).
    The text depends on the rows and the recipe alone: one thread, fixed seeds, no order from outside.
    """
    import lightgbm

    names, text_columns = feature_names(spec), set(categorical_features(spec))
    parameters = _parameters(recipe, target)
    data = lightgbm.Dataset(
        matrix,
        label=target,
        feature_name=[f"f{position}" for position in range(len(names))],  # its text format allows no odd names
        categorical_feature=[position for position, name in enumerate(names) if name in text_columns],
        init_score=None if offset is None or not _is_log(parameters) else offset,
        params=parameters,
        free_raw_data=True,
    ).construct()
    del matrix
    return str(lightgbm.train(parameters, data, num_boost_round=recipe.rounds(len(target))).model_to_string())


def load_booster(text: str) -> Booster:
    """The model behind a text that `train_pool` made."""
    import lightgbm

    model = lightgbm.Booster(model_str=text)
    return Booster(model, _is_log({"objective": model.dump_model(num_iteration=1)["objective"].split()[0]}))


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
    return bool(parameters["objective"] == "tweedie")
