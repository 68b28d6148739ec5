"""The recipe that a training follows: a preset, or a file that `retail-forecast tune` wrote.

The file holds the recipe, its digest, and what is known of it; the digest tells a file that was edited by hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from retail_forecast.dataset import Dataset
from retail_forecast.errors import ConfigurationError
from retail_forecast.models import Recipe
from retail_forecast.models.bundle import write_json
from retail_forecast.pipeline.train import recipe_for
from retail_forecast.settings import Settings

SETTING = "RETAIL_FORECAST_RECIPE_FILE"
TUNED = "recipe."
"""What a hyperparameter's name begins with that replaces one number of the recipe; a tuner draws such."""


def chosen_recipe(settings: Settings, dataset: Dataset) -> Recipe:
    """The recipe of the file that the settings name, else the preset's. Raises ConfigurationError."""
    if settings.recipe_file is None:
        return recipe_for(dataset, settings.preset)
    return read_recipe(settings.recipe_file)


def read_recipe(path: Path) -> Recipe:
    """The recipe in a file that `write_recipe` wrote. Raises ConfigurationError."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        recipe = Recipe.from_json(content["recipe"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        found = f"{path} ({type(error).__name__}: {error})"
        raise ConfigurationError(key=SETTING, found=found, expected="a file that `tune` wrote") from error
    if recipe.digest != content.get("digest"):
        expected = f"the digest {recipe.digest[:12]}… of the recipe in it; search again, or set that digest"
        raise ConfigurationError(key=SETTING, found=f"{path} with {content.get('digest')!r}", expected=expected)
    return recipe


def with_tuned(recipe: Recipe, values: Mapping[str, str]) -> Recipe:
    """The recipe with the numbers that hyperparameters replace; others are left alone. Raises ConfigurationError.

    >>> with_tuned(Recipe(), {"recipe.leaves": "31", "recipe.learning_rate": "0.05", "workers": "2"}).leaves
    31
    """
    tuned = {name.removeprefix(TUNED): text for name, text in values.items() if name.startswith(TUNED)}
    numbers: dict[str, Any] = {name: _number(recipe, name, text) for name, text in tuned.items()}
    return replace(recipe, **numbers)


def _number(recipe: Recipe, name: str, text: str) -> int | float:
    kind = type(recipe.to_json().get(name))
    try:
        if kind in (int, float):
            return int(text) if kind is int else float(text)
    except ValueError:
        pass
    expected = "a whole number" if kind is int else "a number, of a setting of the recipe that is one"
    raise ConfigurationError(key=f"hyperparameter {TUNED}{name}", found=text, expected=expected)


def write_recipe(folder: Path, recipe: Recipe, found: Mapping[str, Any]) -> Path:
    """Writes a recipe, under a name that begins with its digest, with what is known of it."""
    path = folder / f"{recipe.digest[:12]}.json"
    write_json(path, {"recipe": recipe.to_json(), "digest": recipe.digest, "found": dict(found)})
    return path
