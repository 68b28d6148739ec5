"""Calendar, covariates, prices and attributes against numbers worked out by hand."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from retail_forecast.errors import ConfigurationError
from retail_forecast.features import (
    AttributeTable,
    CovariateTable,
    FeatureSpec,
    add_known_features,
    build_categories,
    encode_categories,
    feature_names,
)
from retail_forecast_tests.features.frames import day, features_of, row_of, sales_of

PRICES = CovariateTable("prices", ("store_id", "item_id", "date"), {"sell_price": "float"}, carry_forward=True)
CALENDAR = CovariateTable("calendar", ("date",), {"holiday": "category", "open": "boolean"})
ITEMS = AttributeTable("items", ("item_id",), {"department": "category"})


def prices_of(*rows: tuple[str, str, int, float]) -> pl.LazyFrame:
    dated = [(store, item, day(number), price) for store, item, number, price in rows]
    return pl.LazyFrame(dated, schema=["store_id", "item_id", "date", "sell_price"], orient="row")


def test_a_price_holds_until_the_next_one_and_not_for_the_series_below() -> None:
    spec = FeatureSpec("1d", horizon=2, covariates=(PRICES,))
    prices = prices_of(("A", "x", -500, 3.0), ("A", "x", 4, 2.0))
    sales = sales_of({("A", "x"): [1] * 6, ("A", "y"): [1] * 6})
    features = features_of(sales, spec, cutoff=day(5), start=day(3), covariates={"prices": prices})
    assert features.filter(item_id="x")["sell_price"].to_list() == [3.0, 2.0, 2.0, 2.0, 2.0]
    assert features.filter(item_id="y")["sell_price"].null_count() == 5


def test_a_price_is_set_against_what_it_was_the_cutoff() -> None:
    spec = FeatureSpec("1d", horizon=2, covariates=(PRICES,), attribute_tables=(ITEMS,))
    prices = prices_of(("A", "x", 0, 4.0), ("A", "x", 5, 2.0), ("A", "y", 0, 8.0))
    items = pl.LazyFrame({"item_id": ["x", "y"], "department": ["toys", "toys"]})
    sales = sales_of({("A", "x"): [1] * 6, ("A", "y"): [1] * 6})
    features = features_of(
        sales, spec, cutoff=day(5), start=day(5), covariates={"prices": prices}, attributes={"items": items}
    )
    row = row_of(features, day(5))
    assert row["sell_price_to_sell_price_last"] == 0.5
    assert row["sell_price_to_sell_price_max_364"] == 0.5
    assert row["department_sell_price_mean"] == 6.0  # (4 + 8) / 2 on day(3)
    assert row["sell_price_to_department_sell_price_mean"] == pytest.approx(1 / 3)


def test_another_price_changes_its_ratios_and_nothing_else() -> None:
    spec = FeatureSpec("1d", horizon=2, covariates=(PRICES,))
    sales, prices = sales_of({("A", "x"): [1] * 6}), prices_of(("A", "x", 0, 4.0))
    features = features_of(sales, spec, cutoff=day(5), covariates={"prices": prices})
    changed = add_known_features(features.with_columns(sell_price=pl.lit(3.0, pl.Float32)), spec)
    assert row_of(changed, day(7))["sell_price_to_sell_price_last"] == 0.75
    touched = [name for name in feature_names(spec) if name.startswith("sell_price_to_")]
    assert_frame_equal(changed.drop("sell_price", *touched), features.drop("sell_price", *touched))


def test_adding_known_features_twice_changes_nothing() -> None:
    spec = FeatureSpec("1d", horizon=2, covariates=(PRICES, CALENDAR))
    calendar = pl.LazyFrame({"date": [day(3)], "holiday": ["Epiphany"], "open": [False]})
    tables = {"prices": prices_of(("A", "x", 0, 4.0), ("A", "x", 3, 0.0)), "calendar": calendar}
    features = features_of(sales_of({("A", "x"): [1] * 6}), spec, cutoff=day(5), covariates=tables)
    assert_frame_equal(add_known_features(features, spec), features)


def test_a_holiday_is_seen_coming_and_remembered() -> None:
    spec = FeatureSpec("1d", horizon=4, covariates=(CALENDAR,))
    calendar = pl.LazyFrame({"date": [day(6)], "holiday": ["Epiphany"], "open": [False]})
    features = features_of(sales_of({("A", "x"): [1] * 5}), spec, cutoff=day(4), covariates={"calendar": calendar})
    before, on, after = (row_of(features, day(number)) for number in (4, 6, 8))
    assert (before["holiday_periods_to_change"], before["holiday_next"]) == (2, "Epiphany")
    assert (on["holiday"], on["holiday_periods_since_change"], on["open"]) == ("Epiphany", 0, 0)
    assert (after["holiday_periods_since_change"], after["holiday_previous"]) == (1, "Epiphany")
    assert (after["holiday_periods_to_change"], after["holiday_next"]) == (14, None)  # none within sight
    assert (before["holiday_periods_since_change"], before["holiday_previous"]) == (14, None)


def test_an_item_without_attributes_and_one_key_alone_are_no_obstacle() -> None:
    spec = FeatureSpec("1d", horizon=2, attribute_tables=(ITEMS,))
    items = pl.LazyFrame({"item_id": ["x"], "department": ["toys"]})
    sales = sales_of({("A", "x"): [2] * 5, ("A", "all"): [6] * 5})
    features = features_of(sales, spec, cutoff=day(4), attributes={"items": items})
    row = row_of(features, day(5), item="all")
    assert row["department"] is None
    assert row["department_units_sold_mean_7"] == 6  # the items without a department are a group of their own


def test_what_is_known_afterwards_only_is_lagged() -> None:
    visits = CovariateTable("visits", ("store_id", "date"), past={"customers": "integer"})
    spec = FeatureSpec("1d", horizon=2, covariates=(visits,), sales_values={"stock": "float"})
    sales = sales_of({("A", "x"): [1] * 4}).with_columns(stock=pl.col("date").dt.day().cast(pl.Float32))
    customers = pl.LazyFrame({"store_id": ["A"] * 4, "date": [day(n) for n in range(4)], "customers": [10, 11, 12, 13]})
    features = features_of(sales, spec, cutoff=day(3), covariates={"visits": customers})
    row = row_of(features, day(5))  # knows day(3), the fourth of January
    assert (row["customers_last"], row["stock_last"]) == (13, 4)
    assert not {"customers", "stock"} & set(features.columns)


def test_categories_are_numbered_in_order_and_a_new_one_is_missing() -> None:
    spec = FeatureSpec("1d", horizon=2, attribute_tables=(ITEMS,))
    frame = pl.DataFrame({"store_id": ["B", "A"], "item_id": ["x", "y"], "department": [None, "toys"]})
    categories = build_categories(frame, spec)
    assert categories == {"store_id": ["A", "B"], "item_id": ["x", "y"], "department": ["toys"]}
    new = pl.DataFrame({"store_id": ["A", "C"], "item_id": ["y", "x"], "department": ["toys", None]})
    expected = pl.DataFrame({"store_id": [0, None], "item_id": [1, 0], "department": [0, None]})
    assert_frame_equal(encode_categories(new, categories), expected.cast(pl.Float32))


def test_a_table_that_is_missing_is_named() -> None:
    spec = FeatureSpec("1d", horizon=2, covariates=(PRICES,))
    with pytest.raises(ConfigurationError, match=r"tables\.prices"):
        features_of(sales_of({("A", "x"): [1]}), spec, cutoff=day(0))


def test_a_value_named_like_a_feature_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="month"):
        FeatureSpec("1d", horizon=2, covariates=(CovariateTable("calendar", ("date",), {"month": "integer"}),))


def test_a_spec_survives_json() -> None:
    spec = FeatureSpec("1w", 8, "missing", (PRICES, CALENDAR), (ITEMS,), {"stock": "float"})
    assert FeatureSpec.from_json(spec.to_json()) == spec


def test_the_calendar_is_read_off_the_date() -> None:
    frame = pl.DataFrame({"date": [date(2024, 12, 30)]})  # a Monday, in the first ISO week of 2025
    row = add_known_features(frame, FeatureSpec("1d", horizon=2)).row(0, named=True)
    assert row == {"date": date(2024, 12, 30), "week_of_year": 1, "month": 12, "weekday": 1, "day_of_month": 30}
