"""The search for a recipe: what is found, and that a killed one goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from retail_forecast.errors import ConfigurationError
from retail_forecast.models import Recipe
from retail_forecast.settings import load_settings
from retail_forecast.training.recipes import chosen_recipe, read_recipe, write_recipe
from retail_forecast.training.tuning import Found, search_recipe
from retail_forecast_tests.pipeline.small_lake import small_dataset

pytest.importorskip("optuna", reason="the extra `tune` is not installed")
START = Recipe(leaves=63)


class CutOff(Exception):
    """Stands for a kill: nothing after it is done."""


def distance(recipe: Recipe) -> float:
    """Least for 40 leaves: 23 away from where the search starts."""
    return abs(recipe.leaves - 40.0)


def search(folder: Path, trials: int, dies_at: int | None = None) -> tuple[Found, list[Recipe]]:
    tried: list[Recipe] = []

    def evaluate(recipe: Recipe) -> float:
        tried.append(recipe)
        if len(tried) == dies_at:
            raise CutOff
        return distance(recipe)

    return search_recipe(evaluate, START, trials=trials, storage=folder / "optuna.db", study="s"), tried


def test_the_first_trial_is_the_recipe_to_start_from_and_nothing_worse_is_found(tmp_path: Path) -> None:
    found, tried = search(tmp_path, 12)
    assert tried[0] == START
    assert found.start_error == 23
    assert found.error == min(map(distance, tried)) < 23
    assert found.recipe == tried[found.trial]


def test_a_search_that_is_cut_off_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole, tried = search(tmp_path / "whole", 8)
    with pytest.raises(CutOff):
        search(tmp_path / "cut", 8, dies_at=4)
    resumed, rest = search(tmp_path / "cut", 8)
    assert rest == tried[3:]  # three were done; the fourth is tried again
    assert resumed == whole
    assert search(tmp_path / "cut", 8)[1] == []


def test_a_recipe_out_of_reach_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"recipe\.leaves: found 2; expected a value from 15 to 255"):
        search_recipe(distance, replace(START, leaves=2), trials=1, storage=tmp_path / "optuna.db", study="s")


def test_training_follows_the_file_that_the_settings_name(tmp_path: Path) -> None:
    found = replace(START, leaves=40)
    path = write_recipe(tmp_path, found, {"trial": 3})
    assert path.name == f"{found.digest[:12]}.json"
    assert chosen_recipe(load_settings(recipe_file=path), small_dataset()) == found
    assert chosen_recipe(load_settings(), small_dataset()) != found


def test_a_file_that_was_edited_by_hand_is_refused(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, START, {})
    path.write_text(path.read_text().replace('"leaves": 63', '"leaves": 64'))
    with pytest.raises(ConfigurationError, match=r"RETAIL_FORECAST_RECIPE_FILE: .*expected the digest"):
        read_recipe(path)
    with pytest.raises(ConfigurationError, match=r"FileNotFoundError.*a file that `tune` wrote"):
        read_recipe(tmp_path / "gone.json")
