from __future__ import annotations

import polars as pl
import pytest

from retail_forecast.errors import TrainingError
from retail_forecast.features import build_categories
from retail_forecast.models import Recipe, load_members, predict_members, train_members
from retail_forecast.models.recipe import PLAIN
from retail_forecast_tests.models.small_features import SPEC, small_features

RECIPE = Recipe(members=(PLAIN,), trees=40, learning_rate=0.2, leaves=7)


def train(frame: pl.DataFrame, recipe: Recipe = RECIPE) -> str:
    return train_members(frame, recipe, SPEC, build_categories(frame, SPEC))[PLAIN]


def forecast(text: str, rows: pl.DataFrame, taught: pl.DataFrame) -> list[float]:
    boosters = load_members({PLAIN: text})
    return list(predict_members(boosters, rows, RECIPE, SPEC, build_categories(taught, SPEC)))


def test_the_model_learns_what_each_series_sells() -> None:
    frame = small_features()
    means = frame.with_columns(mean=pl.Series(forecast(train(frame), frame, frame)))
    by_series = means.group_by("store_id", "item_id").agg(pl.col("units_sold").mean(), pl.col("mean").mean())
    assert by_series["mean"].to_numpy() == pytest.approx(by_series["units_sold"].to_numpy(), rel=0.15)


def test_a_model_is_text_and_the_same_text_every_time() -> None:
    frame = small_features()
    text = train(frame)
    assert text.isascii()
    assert text.startswith("tree\nversion=")
    assert train(frame) == text
    assert train(frame, Recipe.from_json({**RECIPE.to_json(), "seed": 2})) != text


def test_rows_with_unknown_sales_teach_nothing() -> None:
    frame = small_features()
    unknown = frame.with_columns(units_sold=pl.lit(None, dtype=pl.Float32))
    assert train(pl.concat([frame, unknown])) == train(frame)


@pytest.mark.parametrize("objective", ["tweedie", "regression"])
def test_a_pool_that_sold_nothing_is_forecast_to_sell_nothing(objective: str) -> None:
    frame = small_features().with_columns(units_sold=pl.lit(0.0, dtype=pl.Float32))
    recipe = Recipe.from_json({"objective": objective, "trees": 5, "members": [PLAIN]})
    assert forecast(train(frame, recipe), frame, frame) == pytest.approx([0.0] * frame.height)


def test_a_category_that_was_never_seen_is_a_missing_value() -> None:
    frame = small_features()
    text = train(frame)
    stranger = frame.head(1).with_columns(item_id=pl.lit("unheard of"))
    missing = frame.head(1).with_columns(item_id=pl.lit(None, dtype=pl.String))
    assert forecast(text, stranger, frame) == forecast(text, missing, frame)


def test_no_known_sales_is_an_error() -> None:
    frame = small_features().with_columns(units_sold=pl.lit(None, dtype=pl.Float32))
    with pytest.raises(TrainingError, match="no rows with known sales"):
        train(frame)
