"""Scores of quantiles by hand, and laws that they obey."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retail_forecast.evaluation import coverage_table, quantile_scores
from retail_forecast.evaluation.hierarchy import build_levels, split_groups
from retail_forecast.evaluation.yardsticks import Yardstick

SERIES = pl.DataFrame({"store_id": ["s", "s"], "item_id": ["a", "b"]})
TOTAL, BOTTOM = build_levels(SERIES, {}, [(), ("store_id", "item_id")])
YARDSTICKS = [
    Yardstick(TOTAL, np.array([9.0]), np.array([2.0]), np.array([4.0])),
    Yardstick(BOTTOM, np.array([9.0, 9.0]), np.array([1.0, 4.0]), np.array([3.0, 1.0])),
]
ACTUAL = {"total": np.array([[6.0]]), "store_id/item_id": np.array([[2.0], [4.0]])}
FORECASTS = {
    "total": np.array([[[4.0, 8.0]]]),
    "store_id/item_id": np.array([[[1.0, 2.0]], [[1.0, 3.0]]]),
}


def test_losses_are_scaled_weighted_and_averaged_over_levels() -> None:
    scores = {
        (level, metric): value for level, metric, value in quantile_scores(ACTUAL, FORECASTS, [0.25, 0.75], YARDSTICKS)
    }
    # Total: 2 above 4 at 0.25 is 0.5, 2 below 8 at 0.75 is 0.5; over a scale of 2: 0.25.
    # a: 1 above 1 is 0.25, then 0; over 1: 0.125. b: 3 above 1 is 0.75, 1 above 3 is 0.75; over 4: 0.1875.
    bottom = (3 * 0.125 + 1 * 0.1875) / 4
    assert scores["total", "wspl"] == pytest.approx(0.25)
    assert scores["store_id/item_id", "wspl"] == pytest.approx(bottom)
    assert scores["all", "wspl"] == pytest.approx((0.25 + bottom) / 2)
    # pinball losses of a and b: 0.25, 0.75 and 0, 0.75, mean 0.4375; twice that over a mean of 3 sold
    assert scores["store_id/item_id", "pinball"] == pytest.approx(0.4375)
    assert scores["store_id/item_id", "wql"] == pytest.approx(2 * 0.4375 / 3)
    assert (scores["total", "coverage_0.5"], scores["store_id/item_id", "coverage_0.5"]) == (1.0, 0.5)


def test_groups_whose_sales_are_not_known_are_left_out() -> None:
    actual = {**ACTUAL, "store_id/item_id": np.array([[2.0], [np.nan]])}
    scores = dict(
        row[1:] for row in quantile_scores(actual, FORECASTS, [0.25, 0.75], YARDSTICKS[1:]) if row[0] != "all"
    )
    assert scores["wspl"] == pytest.approx(0.125)


def test_coverage_is_told_by_lead() -> None:
    actual, forecasts = {"total": np.array([[1.0, 9.0]])}, {"total": np.array([[[2.0], [2.0]]])}
    table = coverage_table(actual, forecasts, [0.5], cutoff=date(2024, 1, 1))
    assert table.select("lead", "share_below", "pinball").rows() == [(1, 1.0, 0.5), (2, 0.0, 3.5)]


@given(st.lists(st.floats(0, 1e3), min_size=3, max_size=3), st.floats(0.01, 0.99), st.floats(0.1, 50))
def test_no_forecast_beats_the_value_itself_and_losses_scale_with_units(
    values: list[float], quantile: float, factor: float
) -> None:
    actual, wrong = np.array([values]), np.array([values])[..., None] + 1
    yardstick = [Yardstick(TOTAL, np.ones(1), np.ones(1), np.ones(1))]

    def loss(actual: np.ndarray, forecast: np.ndarray) -> float:
        return quantile_scores({"total": actual}, {"total": forecast}, [quantile], yardstick)[0][2]

    assert loss(actual, actual[..., None]) == 0
    assert loss(actual, wrong) == pytest.approx(1 - quantile)
    assert loss(actual * factor, wrong * factor) == pytest.approx(factor * (1 - quantile), rel=1e-6)


def test_names_of_groups_can_be_taken_apart() -> None:
    series = pl.DataFrame({"store_id": ["s/1", "50%"], "item_id": ["a", None]})
    level = build_levels(series, {}, [("store_id", "item_id")])[0]
    assert sorted(level.groups) == ["50%25/", "s%2F1/a"]
    assert split_groups(level.groups, ["store_id", "item_id"]).sort("store_id").rows() == [("50%", ""), ("s/1", "a")]
