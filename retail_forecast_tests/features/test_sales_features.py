"""Sales-derived features against numbers worked out by hand."""

from __future__ import annotations

from math import sqrt

import pytest

from retail_forecast.features import FeatureSpec, feature_names
from retail_forecast_tests.features.frames import day, features_of, row_of, sales_of

DAILY = FeatureSpec("1d", horizon=2)
WEEKLY = FeatureSpec("1w", horizon=2)


def test_a_row_holds_the_sales_of_one_horizon_before_and_the_week_up_to_it() -> None:
    features = features_of(sales_of({("A", "x"): range(1, 31)}), DAILY, cutoff=day(29))
    row = row_of(features, day(29))  # the 30th day; the last one it may know is day(27), which sold 28
    assert row["units_sold"] == 30
    assert row["units_sold_last_1"] == 28
    assert row["units_sold_last_6"] == 23
    assert row["units_sold_mean_7"] == 25  # (22 + … + 28) / 7
    assert row["units_sold_std_7"] == pytest.approx(sqrt(28 / 6))  # 2·(9 + 4 + 1) = 28
    assert row["periods_since_release"] == 27
    assert row["units_sold_same_weekday_mean_4"] == 12.5  # (23 + 16 + 9 + 2) / 4


def test_windows_that_reach_before_the_release_hold_the_known_part_only() -> None:
    features = features_of(sales_of({("A", "x"): [0, 0, 4, 2, 0]}), DAILY, cutoff=day(4))
    assert features["date"].to_list() == [day(number) for number in range(2, 7)]  # first sale … cutoff + 2
    row = row_of(features, day(6))  # knows 4, 2 and 0
    assert row["units_sold_mean_7"] == 2
    assert row["units_sold_std_7"] == 2
    assert row["units_sold_last_3"] == 4
    assert row["units_sold_last_4"] is None
    assert row["periods_since_release"] == 2
    first = row_of(features, day(2))  # two days after the cutoff before it nobody had known the item
    assert first["periods_since_release"] is None
    assert first["units_sold_mean_180"] is None


def test_a_quiet_series_tells_how_long_it_has_been_quiet() -> None:
    features = features_of(sales_of({("A", "x"): [3, 0, 0, 5, 0, 0, 0, 0]}), DAILY, cutoff=day(7))
    row = row_of(features, day(9))  # knows all eight days: the last sale is four days before day(7)
    assert row["periods_since_sale"] == 4
    assert row["zero_share_28"] == 0.75  # six of eight


def test_the_exponentially_weighted_mean_halves_with_its_half_life() -> None:
    features = features_of(sales_of({("A", "x"): [7.0] * 7 + [1.0] * 7}), DAILY, cutoff=day(13))
    # weekly sums 7 (weight 1) and 49 (weight ½), over 7 + 7/2 known days
    assert row_of(features, day(15))["units_sold_ewm_7"] == pytest.approx(31.5 / 10.5)


def test_series_do_not_leak_into_each_other() -> None:
    loud, quiet = [100.0] * 300, [1.0] * 10
    both = features_of(sales_of({("A", "x"): loud, ("A", "y"): quiet, ("B", "x"): quiet}), DAILY, cutoff=day(299))
    alone = features_of(sales_of({("B", "x"): quiet}), DAILY, cutoff=day(299))
    names = feature_names(DAILY)
    assert both.filter(store_id="B").select(names).equals(alone.select(names))


def test_a_store_s_mean_is_per_series_and_knows_its_own_series_only() -> None:
    units = {("A", "x"): [4.0] * 10, ("A", "y"): [2.0] * 10, ("B", "x"): [50.0] * 10}
    features = features_of(sales_of(units), DAILY, cutoff=day(9))
    assert row_of(features, day(9))["store_units_sold_mean_7"] == 3
    assert row_of(features, day(9), store="B")["store_units_sold_mean_7"] == 50


def test_weekly_sales_have_weekly_windows_and_last_year_s_week() -> None:
    features = features_of(sales_of({("A", "x"): range(1, 61)}, step=7), WEEKLY, cutoff=day(59, step=7))
    row = row_of(features, day(61, step=7))  # the 62nd week
    assert row["units_sold_last_1"] == 60
    assert row["units_sold_mean_1_years_before"] == 10
    assert row["units_sold_mean_3_years_before"] == 10  # weeks 9, 10 and 11
    assert row["units_sold_mean_4"] == 58.5  # (57 + 58 + 59 + 60) / 4
    assert row["week_of_year"] == 10  # 3 March 2025
    assert not {"weekday", "day_of_month"} & set(feature_names(WEEKLY))


@pytest.mark.parametrize(("policy", "mean", "units"), [("zero", 2.0, 0.0), ("missing", 3.0, None)])
def test_a_gap_is_zero_or_unknown_as_the_policy_says(policy: str, mean: float, units: float | None) -> None:
    spec = FeatureSpec("1d", horizon=2, missing_periods="zero" if policy == "zero" else "missing")
    features = features_of(sales_of({("A", "x"): [4, None, 2]}), spec, cutoff=day(2))
    assert row_of(features, day(1))["units_sold"] == units
    assert row_of(features, day(4))["units_sold_mean_7"] == mean  # 6 over three days, or over two


def test_a_series_that_never_sold_has_no_rows() -> None:
    features = features_of(sales_of({("A", "x"): [0, 1], ("A", "y"): [0, 0]}), DAILY, cutoff=day(1))
    assert features["item_id"].unique().to_list() == ["x"]


def test_no_sales_at_all_give_no_rows_and_all_columns() -> None:
    features = features_of(sales_of({}), DAILY, cutoff=day(5))
    names = [name for name in feature_names(DAILY) if name not in ("store_id", "item_id")]
    assert features.columns == ["store_id", "item_id", "date", "units_sold", *names]
    assert features.is_empty()
