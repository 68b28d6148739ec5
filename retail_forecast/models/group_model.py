"""The forecast of groups: boosted trees, and beside them a regression on level and effects.

Trees learn shapes that nobody described; the regression carries the last level on and knows each event by its own
name. Their errors have little in common, so their weighted mean is better than either.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl

from retail_forecast.features import FeatureSpec
from retail_forecast.models.ensemble import load_members, predict_members, train_members
from retail_forecast.models.gradient_boosting import Booster
from retail_forecast.models.recipe import Recipe
from retail_forecast.models.regression import Regression
from retail_forecast.models.regression_fitting import fit_regression

Categories = Mapping[str, list[str]]


@dataclass(frozen=True)
class GroupModel:
    """The members of the groups' model; `regression` is None where it does not count."""

    recipe: Recipe
    spec: FeatureSpec
    categories: Categories
    boosters: Mapping[str, Booster]
    regression: Regression | None

    @classmethod
    def train(cls, rows: pl.DataFrame, recipe: Recipe, spec: FeatureSpec, categories: Categories) -> Self:
        """From feature rows of groups at or before a cutoff; `recipe` is that of `for_groups`."""
        boosters = load_members(train_members(rows, recipe, spec, dict(categories)))
        regression = fit_regression(rows, spec) if recipe.regression else None
        return cls(recipe, spec, categories, boosters, regression)

    def predict(self, rows: pl.DataFrame, cutoff: date) -> pl.DataFrame:
        """One row per feature row after the cutoff, in their order: store_id, item_id, date, mean (units of all).

        The rows of the periods before it (`context_start`) tell the regression the level that sales have reached.
        """
        after = (rows["date"] > cutoff).to_numpy()
        ahead = rows.filter(after)
        mean = predict_members(self.boosters, ahead, self.recipe, self.spec, dict(self.categories))
        if self.regression is not None:
            beside = self.regression.predict(rows, self.spec, cutoff)[after]
            weight = np.where(np.isnan(beside), 0.0, self.recipe.regression)
            mean = (1 - weight) * mean + weight * np.nan_to_num(beside)
        return ahead.select("store_id", "item_id", "date").with_columns(mean=pl.Series(mean, dtype=pl.Float64))


def write_regression(rows: pl.DataFrame, spec: FeatureSpec, file: Path) -> None:
    """The regression of feature rows of groups, as JSON."""
    text = json.dumps(fit_regression(rows, spec).to_json(), indent=1, sort_keys=True)
    aside = file.with_suffix(".part")
    aside.write_text(text + "\n", encoding="utf-8")
    aside.replace(file)


def read_regression(file: Path) -> Regression:
    """The inverse of `write_regression`."""
    return Regression.from_json(json.loads(file.read_text(encoding="utf-8")))
