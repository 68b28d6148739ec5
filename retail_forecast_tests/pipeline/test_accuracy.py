"""Published forecasts against the sales that came."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from retail_forecast.errors import NotFoundError
from retail_forecast.lake import Lake
from retail_forecast.lake.tables import NewPart
from retail_forecast.pipeline.accuracy import compute_drift, forecast_accuracy, recent_error
from retail_forecast.pipeline.series_accuracy import SERIES_ACCURACY
from retail_forecast_tests.pipeline.small_lake import (
    new_lake,
    publish_constant_vintage,
    publish_days,
    small_dataset,
)

CUTOFF = date(2024, 1, 4)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = new_lake(tmp_path)
    publish_days(lake, {"a": [0, 1, 3, 1], "b": [2, 2, 4, 4]})
    return lake


def _value(frame: pl.DataFrame, level: str, metric: str) -> float:
    return float(frame.filter(level=level, metric=metric)["value"].item())


def test_a_vintage_is_scored_on_the_days_that_arrived(lake: Lake, tmp_path: Path) -> None:
    publish_constant_vintage(lake, tmp_path, CUTOFF, {"a": 4, "b": 4}, id="v1")
    publish_days(lake, {"a": [2, 2], "b": [4, 4]}, start=date(2024, 1, 5))
    frame = forecast_accuracy(lake, small_dataset(levels=[[], ["store_id", "item_id"]]))
    assert frame.select("vintage", "model_version", "cutoff", "periods").unique().rows() == [("v1", "1", CUTOFF, 2)]
    # Total: errors 2, 2; steps 1, 16, 4, so scale 7. Items: a errors 2, 2 at scale 4 and weight 5, b none at 12.
    total, bottom = (4 / 7) ** 0.5, 5 / 17
    assert _value(frame, "total", "wrmsse") == pytest.approx(total)
    assert _value(frame, "store_id/item_id", "wrmsse") == pytest.approx(bottom)
    assert recent_error(lake) == pytest.approx((total + bottom) / 2)


def test_each_series_of_a_vintage_has_its_sums_over_the_days_that_arrived(lake: Lake, tmp_path: Path) -> None:
    publish_constant_vintage(lake, tmp_path, CUTOFF, {"a": 4, "b": 4}, id="v1")
    publish_days(lake, {"a": [2, 5], "b": [0, 0]}, start=date(2024, 1, 5))
    forecast_accuracy(lake, small_dataset())
    rows = lake.table(SERIES_ACCURACY).scan()
    assert rows is not None
    a, b = rows.collect().select("item_id", "vintage", "periods", "units_sold", "absolute_error", "excess").rows()
    assert a == ("a", "v1", 2, 7.0, 3.0, 1.0)  # 4 - 2 = 2 too many, 4 - 5 = 1 too few
    assert b == ("b", "v1", 2, 0.0, 8.0, 8.0)


def test_prices_weigh_the_series(lake: Lake, tmp_path: Path) -> None:
    prices = {"keys": ["item_id", "date"], "values": {"sell_price": "float"}, "carry_forward": True}
    dataset = small_dataset(tables={"sales": {}, "prices": prices}, levels=[["store_id", "item_id"]])
    _publish_prices(lake)
    publish_constant_vintage(lake, tmp_path, CUTOFF, {"a": 4, "b": 4}, id="v1")
    publish_days(lake, {"a": [2], "b": [4]}, start=date(2024, 1, 5))
    # Revenue: a 5 x 12, b 12 x 5.
    assert _value(forecast_accuracy(lake, dataset), "store_id/item_id", "wrmsse") == pytest.approx(0.5)


def _publish_prices(lake: Lake) -> None:
    rows = {"item_id": ["a", "b"], "date": [date(2024, 1, 1)] * 2, "sell_price": [12.0, 5.0]}
    lake.table("prices").publish({"all": NewPart(pl.DataFrame(rows))})


def test_of_each_cutoff_the_last_vintage_counts(lake: Lake, tmp_path: Path) -> None:
    for name, mean in (("v1", 9.0), ("v2", 2.0)):
        publish_constant_vintage(lake, tmp_path, CUTOFF, {"a": mean, "b": mean}, id=name)
    publish_days(lake, {"a": [2], "b": [2]}, start=date(2024, 1, 5))
    frame = forecast_accuracy(lake, small_dataset())
    assert frame["vintage"].unique().to_list() == ["v2"]
    assert recent_error(lake) == 0.0
    assert recent_error(lake, since=date(2024, 1, 5)) is None


def test_a_vintage_of_which_too_little_is_known_waits(lake: Lake, tmp_path: Path) -> None:
    publish_constant_vintage(lake, tmp_path, CUTOFF, {"a": 4}, id="v1", horizon=8)
    publish_days(lake, {"a": [2], "b": [4]}, start=date(2024, 1, 5))
    assert forecast_accuracy(lake, small_dataset(horizon=8)).is_empty()
    publish_days(lake, {"a": [2], "b": [4]}, start=date(2024, 1, 6))
    assert forecast_accuracy(lake, small_dataset(horizon=8)).height > 0


def test_a_series_without_a_row_sold_nothing_or_is_unknown(lake: Lake, tmp_path: Path) -> None:
    publish_constant_vintage(lake, tmp_path, CUTOFF, {"a": 4, "b": 4}, id="v1")
    publish_days(lake, {"a": [4]}, start=date(2024, 1, 5))
    levels = [["store_id", "item_id"]]
    zero = forecast_accuracy(lake, small_dataset(levels=levels))
    assert _value(zero, "store_id/item_id", "mae") == 2.0
    unknown = forecast_accuracy(lake, small_dataset(levels=levels, policy={"missing_periods": "missing"}))
    assert _value(unknown, "store_id/item_id", "mae") == 0.0


def test_before_the_first_vintage_there_is_nothing_to_score(lake: Lake) -> None:
    assert forecast_accuracy(lake, small_dataset()).is_empty()
    assert recent_error(lake) is None


def test_drift_compares_the_last_horizon_with_the_training_window(lake: Lake) -> None:
    publish_days(lake, {"a": [50] * 4, "b": [50] * 4}, start=date(2024, 1, 5))
    drift = compute_drift(lake, small_dataset(), window_start=date(2024, 1, 1), training_cutoff=CUTOFF)
    # Trained: a 1, 3, 1 from its first sale on, b 2, 2, 4, 4: 17 units in 7 rows.
    assert drift["store_id"].to_list() == ["s", "all"]
    assert drift["units_trained"].to_list() == pytest.approx([17 / 7] * 2)
    assert drift["units_recent"].to_list() == [50, 50]
    assert all(psi > 1 for psi in drift["psi"])
    published = lake.table("drift").scan()
    assert published is not None
    assert published.collect().equals(drift)


def test_drift_without_sales_names_the_period(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="Sales from 2024-01-01 to 2024-01-04"):
        compute_drift(new_lake(tmp_path), small_dataset(), window_start=date(2024, 1, 1), training_cutoff=CUTOFF)


def test_the_quantiles_of_every_level_are_scored_as_sales_arrive(lake: Lake, tmp_path: Path) -> None:
    publish_constant_vintage(lake, tmp_path, CUTOFF, {"a": 4, "b": 4}, id="v1", total=7.0)
    publish_days(lake, {"a": [2, 2], "b": [4, 8]}, start=date(2024, 1, 5))
    frame = forecast_accuracy(lake, small_dataset(levels=[[], ["store_id", "item_id"]]))
    # The total sold 6 and 10 with 7 as its quantile 0.9: losses 0.1 and 2.7, over the mean absolute step 7/3.
    assert _value(frame, "total", "pinball") == pytest.approx(1.4)
    assert _value(frame, "total", "wql") == pytest.approx(2 * 1.4 / 8)
    assert _value(frame, "total", "wspl") == pytest.approx(1.4 / (7 / 3))
    # Series: a 2, 2 and b 4, 8 with 5 as theirs: losses 0.3, 0.3, 0.1, 2.7.
    assert _value(frame, "store_id/item_id", "pinball") == pytest.approx(0.85)
    assert frame.filter(metric="pinball")["level"].to_list() == ["total", "store_id/item_id"]
    assert frame.filter(level="all")["metric"].to_list() == ["wrmsse", "wspl"]


def test_a_level_that_a_vintage_does_not_have_leaves_the_mean_over_levels_out(lake: Lake, tmp_path: Path) -> None:
    publish_constant_vintage(lake, tmp_path, CUTOFF, {"a": 4, "b": 4}, id="v1")
    publish_days(lake, {"a": [2, 2], "b": [4, 8]}, start=date(2024, 1, 5))
    frame = forecast_accuracy(lake, small_dataset(levels=[[], ["store_id", "item_id"]]))
    assert frame.filter(metric="wspl")["level"].to_list() == ["store_id/item_id"]


def test_absolute_errors_are_weighed_against_sales(lake: Lake, tmp_path: Path) -> None:
    publish_constant_vintage(lake, tmp_path, CUTOFF, {"a": 4, "b": 4}, id="v1")
    publish_days(lake, {"a": [2, 2], "b": [4, 8]}, start=date(2024, 1, 5))
    frame = forecast_accuracy(lake, small_dataset(levels=[[], ["store_id", "item_id"]]))
    assert _value(frame, "total", "wape") == pytest.approx((2 + 2) / 16)  # 8 forecast, 6 and 10 sold
    assert _value(frame, "store_id/item_id", "wape") == pytest.approx((2 + 2 + 0 + 4) / 16)
