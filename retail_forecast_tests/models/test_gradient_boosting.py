from __future__ import annotations

import polars as pl
import pytest

from retail_forecast.errors import TrainingError
from retail_forecast.features import build_categories
from retail_forecast.models import Recipe
from retail_forecast.models.gradient_boosting import load_booster, predict_pool, train_pool
from retail_forecast_tests.models.small_features import SPEC, small_features

RECIPE = Recipe(trees=40, learning_rate=0.2, leaves=7)


def test_the_model_learns_what_each_series_sells() -> None:
    frame = small_features()
    categories = build_categories(frame, SPEC)
    booster = load_booster(train_pool(frame, RECIPE, SPEC, categories))
    means = frame.with_columns(mean=pl.Series(predict_pool(booster, frame, SPEC, categories)))
    by_series = means.group_by("store_id", "item_id").agg(pl.col("units_sold").mean(), pl.col("mean").mean())
    assert by_series["mean"].to_numpy() == pytest.approx(by_series["units_sold"].to_numpy(), rel=0.15)


def test_a_model_is_text_and_the_same_text_every_time() -> None:
    frame = small_features()
    categories = build_categories(frame, SPEC)
    text = train_pool(frame, RECIPE, SPEC, categories)
    assert text.isascii()
    assert text.startswith("tree\nversion=")
    assert train_pool(frame, RECIPE, SPEC, categories) == text
    assert train_pool(frame, Recipe(**{**RECIPE.to_json(), "seed": 2}), SPEC, categories) != text


def test_rows_with_unknown_sales_teach_nothing() -> None:
    frame = small_features()
    categories = build_categories(frame, SPEC)
    unknown = frame.with_columns(units_sold=pl.lit(None, dtype=pl.Float32))
    assert train_pool(pl.concat([frame, unknown]), RECIPE, SPEC, categories) == train_pool(
        frame, RECIPE, SPEC, categories
    )


@pytest.mark.parametrize("objective", ["tweedie", "regression"])
def test_a_pool_that_sold_nothing_is_forecast_to_sell_nothing(objective: str) -> None:
    frame = small_features().with_columns(units_sold=pl.lit(0.0, dtype=pl.Float32))
    categories = build_categories(frame, SPEC)
    text = train_pool(frame, Recipe.from_json({"objective": objective, "trees": 5}), SPEC, categories)
    assert predict_pool(load_booster(text), frame, SPEC, categories) == pytest.approx(0.0)


def test_a_category_that_was_never_seen_is_a_missing_value() -> None:
    frame = small_features()
    categories = build_categories(frame, SPEC)
    booster = load_booster(train_pool(frame, RECIPE, SPEC, categories))
    stranger = frame.head(1).with_columns(item_id=pl.lit("unheard of"))
    missing = frame.head(1).with_columns(item_id=pl.lit(None, dtype=pl.String))
    assert predict_pool(booster, stranger, SPEC, categories) == predict_pool(booster, missing, SPEC, categories)


def test_no_known_sales_is_an_error() -> None:
    frame = small_features().with_columns(units_sold=pl.lit(None, dtype=pl.Float32))
    with pytest.raises(TrainingError, match="no rows with known sales"):
        train_pool(frame, RECIPE, SPEC, build_categories(frame, SPEC))
