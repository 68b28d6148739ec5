from __future__ import annotations

import pytest

from retail_forecast.errors import ConfigurationError
from retail_forecast.models import Recipe


def test_a_recipe_survives_json() -> None:
    recipe = Recipe(trees=12, objective="regression")
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert Recipe.from_json({"trees": 12}).leaves == Recipe().leaves


def test_equal_recipes_have_equal_digests() -> None:
    assert Recipe().digest == Recipe().digest != Recipe(seed=2).digest


def test_an_unknown_setting_is_named_with_those_that_exist() -> None:
    with pytest.raises(ConfigurationError, match=r"recipe: found 'tree'; expected one of .*trees"):
        Recipe.from_json({"tree": 12})


def test_members_of_groups_differ_in_leaves_or_features() -> None:
    groups = Recipe().for_groups()
    assert groups.for_member("scaled") == groups
    assert (groups.for_member("wide").leaves, groups.for_member("full").feature_fraction) == (127, 0.8)
    assert [groups.for_member(name).trees for name in ("scaled", "wide", "full")] == [250, 125, 125]


def test_small_data_gets_small_leaves() -> None:
    # never above the recipe's, never below five, at least twenty leaves' worth of rows
    assert [Recipe().leaf_rows(rows) for rows in (40, 1_000, 200_000, 3_000_000)] == [5, 20, 40, 200]
