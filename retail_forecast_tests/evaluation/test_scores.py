"""Score tables by hand."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from retail_forecast.errors import SchemaError
from retail_forecast.evaluation import ALL_LEVELS, score_table, wrmsse

CUTOFF = date(2024, 1, 4)
LEVELS = [(), ("store_id", "item_id")]


def _sales(units: dict[str, list[float]], *, start: date = date(2024, 1, 1)) -> pl.DataFrame:
    """One row per item of shop "s" and day."""
    rows = [("s", item, start + timedelta(days=i), sold) for item, all_ in units.items() for i, sold in enumerate(all_)]
    schema = {"store_id": pl.String, "item_id": pl.String, "date": pl.Date, "units_sold": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _predictions(actual: dict[str, list[float]], mean: dict[str, list[float]], model: str = "m") -> pl.DataFrame:
    forecast = _sales(mean, start=CUTOFF + timedelta(days=1)).rename({"units_sold": "mean"})
    joined = forecast.join(_sales(actual, start=CUTOFF + timedelta(days=1)), on=["store_id", "item_id", "date"])
    return joined.with_columns(model=pl.lit(model), cutoff=pl.lit(CUTOFF), lead=pl.lit(1))


@pytest.fixture
def history() -> pl.DataFrame:
    return _sales({"a": [0, 1, 3, 1], "b": [2, 2, 4, 4]})


@pytest.fixture
def predictions() -> pl.DataFrame:
    return _predictions({"a": [2, 2], "b": [4, 4]}, {"a": [4, 4], "b": [4, 0]})


def test_wrmsse_weighs_series_by_revenue(history: pl.DataFrame, predictions: pl.DataFrame) -> None:
    prices = pl.DataFrame({"item_id": ["a", "b"], "sell_price": [2.0, 1.0]})
    scores = score_table(predictions, history, {}, prices, LEVELS).filter(metric="wrmsse")
    # Item a: scale (4 + 4) / 2 = 4, squared errors 4 and 4: RMSSE 1. Item b: scale 4 / 3, errors 0 and 16: √6.
    # Revenue of the last two days: a (3 + 1) x 2 = 8, b 8: equal weights, (1 + √6) / 2.
    # Total: 2, 3, 7, 5 with steps 1, 16, 4: scale 7; errors 2 and -2: √(4 / 7).
    bottom, total = (1 + 6**0.5) / 2, (4 / 7) ** 0.5
    expected = {ALL_LEVELS: (bottom + total) / 2, "total": total, "store_id/item_id": bottom}
    assert dict(scores.select("level", "value").iter_rows()) == pytest.approx(expected)
    assert wrmsse(predictions, history, {}, prices, LEVELS, cutoff=CUTOFF) == pytest.approx((bottom + total) / 2)


def test_units_are_the_weights_where_there_are_no_prices(history: pl.DataFrame, predictions: pl.DataFrame) -> None:
    value = wrmsse(predictions, history, {}, None, [("store_id", "item_id")], cutoff=CUTOFF)
    assert value == pytest.approx((4 * 1 + 8 * 6**0.5) / 12)


def test_a_price_holds_until_the_next_one_and_a_later_one_does_not_count(
    history: pl.DataFrame, predictions: pl.DataFrame
) -> None:
    prices = pl.DataFrame(
        {
            "store_id": ["s"] * 4,
            "item_id": ["a", "b", "b", "b"],
            "date": [date(2023, 12, 1), date(2023, 12, 1), date(2024, 1, 4), date(2024, 1, 5)],
            "sell_price": [1.0, 1.0, 2.0, 500.0],
        }
    )
    value = wrmsse(predictions, history, {}, prices, [("store_id", "item_id")], cutoff=CUTOFF)
    # a: 4 units at 1; b: 4 at 1 and 4 at 2.
    assert value == pytest.approx((4 * 1 + 12 * 6**0.5) / 16)


def test_sales_after_the_cutoff_change_nothing(history: pl.DataFrame, predictions: pl.DataFrame) -> None:
    later = pl.concat([history, _sales({"a": [900.0], "b": [7.0]}, start=date(2024, 1, 5))])
    expected = score_table(predictions, history, {}, None, LEVELS)
    assert_frame_equal(score_table(predictions, later, {}, None, LEVELS), expected)


def test_a_day_without_a_row_sold_nothing(history: pl.DataFrame, predictions: pl.DataFrame) -> None:
    gaps = history.filter(pl.col("units_sold") > 0)
    expected = score_table(predictions, history, {}, None, LEVELS)
    assert_frame_equal(score_table(predictions, gaps, {}, None, LEVELS), expected)


def test_levels_follow_attributes(history: pl.DataFrame, predictions: pl.DataFrame) -> None:
    items = pl.DataFrame({"item_id": ["a", "b"], "department": ["d", "d"]})
    scores = score_table(
        predictions, history, {"items": items}, None, [(), ("department",), ("store_id", "department")]
    )
    values = scores.filter(metric="wrmsse")["value"]
    assert values.to_list() == pytest.approx([values[0]] * 4)


def test_errors_are_given_in_units(history: pl.DataFrame, predictions: pl.DataFrame) -> None:
    scores = score_table(predictions, history, {}, None, LEVELS)
    # Errors: a 2, 2; b 0, -4. Total: 2, -2.
    assert scores.filter(level="store_id/item_id", metric="mae")["value"].item() == 2.0
    assert scores.filter(level="store_id/item_id", metric="bias")["value"].item() == 0.0
    assert scores.filter(level="total", metric="mae")["value"].item() == 2.0


def test_quantiles_are_scored_when_they_are_there(history: pl.DataFrame, predictions: pl.DataFrame) -> None:
    with_quantiles = predictions.with_columns(
        pl.lit(1.0).alias("q0.05"), pl.lit(2.0).alias("q0.5"), pl.lit(3.0).alias("q0.95")
    )
    scores = score_table(with_quantiles, history, {}, None, LEVELS)
    # a (2, 2) lies within 1 and 3, b (4, 4) does not. Mean pinball losses over a and b:
    # 0.05: (0.05 + 0.15) / 2 = 0.1; 0.5: (0 + 1) / 2 = 0.5; 0.95: (0.05 + 0.95) / 2 = 0.5. Mean 1.1 / 3; mean units 3.
    assert scores.filter(metric="coverage_0.9")["value"].item() == 0.5
    assert scores.filter(metric="wql")["value"].item() == pytest.approx(2 * 1.1 / 3 / 3)


def test_days_that_are_not_known_yet_are_left_out(history: pl.DataFrame) -> None:
    predictions = _predictions({"a": [2, 2], "b": [4, 4]}, {"a": [4, 90], "b": [4, 90]}).with_columns(
        units_sold=pl.when(pl.col("date") == date(2024, 1, 5)).then("units_sold")
    )
    bottom = score_table(predictions, history, {}, None, LEVELS, horizon=2).filter(level="store_id/item_id")
    # a: error 2, scale 4: RMSSE 1 at weight 4; b: 0 at weight 8.
    assert bottom.filter(metric="wrmsse")["value"].item() == pytest.approx(4 / 12)


def test_a_model_that_leaves_series_out_is_named(history: pl.DataFrame, predictions: pl.DataFrame) -> None:
    short = predictions.filter(pl.col("item_id") == "a").with_columns(model=pl.lit("short"))
    with pytest.raises(SchemaError, match="'short' has 2 rows at 2024-01-04, not 4"):
        score_table(pl.concat([predictions, short]), history, {}, None, LEVELS)


def test_an_unknown_level_is_named(history: pl.DataFrame, predictions: pl.DataFrame) -> None:
    with pytest.raises(SchemaError, match="'region' is neither a key nor an attribute"):
        score_table(predictions, history, {}, None, [("region",)])


def test_no_predictions_give_no_scores(history: pl.DataFrame, predictions: pl.DataFrame) -> None:
    assert score_table(predictions.clear(), history, {}, None, LEVELS).is_empty()
