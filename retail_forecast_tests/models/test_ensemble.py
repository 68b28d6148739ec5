from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from retail_forecast.features import build_categories, level_names
from retail_forecast.models import Recipe, load_members, predict_members, train_members
from retail_forecast.models.recipe import PLAIN, SCALED, Member
from retail_forecast_tests.models.small_features import SPEC, small_features

LEVELS = list(level_names(SPEC))


def with_levels(frame: pl.DataFrame, factor: float = 1.0) -> pl.DataFrame:
    """Rows whose series sell, times `factor`, as much as they did of late."""
    mean = pl.col("units_sold").mean().over("store_id", "item_id").cast(pl.Float32) * factor
    return frame.with_columns(mean.alias(name) for name in LEVELS)


def forecast(rows: pl.DataFrame, *members: Member, objective: str = "tweedie") -> np.ndarray:
    recipe = Recipe.from_json({"trees": 20, "leaves": 7, "members": members, "objective": objective})
    taught = with_levels(small_features())
    categories = build_categories(taught, SPEC)
    boosters = load_members(train_members(taught, recipe, SPEC, categories))
    return predict_members(boosters, rows, recipe, SPEC, categories)


def test_the_forecast_is_the_mean_of_its_members() -> None:
    rows = with_levels(small_features(6, seed=1))
    both = forecast(rows, PLAIN, SCALED)
    assert both == pytest.approx((forecast(rows, PLAIN) + forecast(rows, SCALED)) / 2)


def test_the_scaled_member_follows_a_series_that_grows_beyond_what_was_seen() -> None:
    rows = small_features(6, seed=1)
    grown = forecast(with_levels(rows, 10.0), SCALED) / forecast(with_levels(rows), SCALED)
    assert grown.min() > 4
    unmoved = forecast(with_levels(rows, 10.0), PLAIN) / forecast(with_levels(rows), PLAIN)
    assert unmoved.max() < 4


def test_without_a_level_there_is_a_forecast_still() -> None:
    rows = with_levels(small_features(6, seed=1)).with_columns(
        pl.lit(None, dtype=pl.Float32).alias(name) for name in LEVELS
    )
    assert np.isfinite(forecast(rows, PLAIN, SCALED)).all()


def test_no_rows_no_forecast() -> None:
    assert len(forecast(small_features().clear(), PLAIN)) == 0
