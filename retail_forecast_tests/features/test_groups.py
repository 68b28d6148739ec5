from __future__ import annotations

import math
from typing import Literal

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from retail_forecast.features import (
    AttributeTable,
    CovariateTable,
    FeatureSpec,
    Grouping,
    build_group_features,
    choose_grouping,
    first_sales,
    group_of,
    group_spec,
)
from retail_forecast.features.groups import sum_covariates, sum_sales
from retail_forecast_tests.features.frames import day, sales_of

ITEMS = AttributeTable("items", ("item_id",), {"department": "category"})
ATTRIBUTES = {"items": pl.LazyFrame({"item_id": ["a", "b", "c"], "department": ["food", "food", "toys"]})}
BY_DEPARTMENT = Grouping("department")


def spec_of(*covariates: CovariateTable, gaps: Literal["zero", "missing"] = "zero") -> FeatureSpec:
    return FeatureSpec("1d", 2, gaps, covariates, (ITEMS,))


def members_of(sales: pl.LazyFrame, spec: FeatureSpec) -> pl.LazyFrame:
    return group_of(first_sales(sales), ATTRIBUTES, spec, BY_DEPARTMENT)


@pytest.mark.parametrize(
    ("departments", "expected"),
    [(["d1"] * 6 + ["d2"] * 6, "department"), ([f"d{n}" for n in range(12)], None)],
)
def test_the_finest_grouping_with_five_series_to_a_group_is_chosen(
    departments: list[str], expected: str | None
) -> None:
    items = [f"i{n:02d}" for n in range(12)]
    attributes = {"items": pl.LazyFrame({"item_id": items, "department": departments})}
    series = pl.DataFrame({"store_id": "A", "item_id": items})
    assert choose_grouping(series, attributes, spec_of()) == Grouping(expected)


def test_stores_of_a_few_series_are_not_summed() -> None:
    series = pl.DataFrame({"store_id": ["A", "A", "B", "B"], "item_id": ["a", "b", "a", "b"]})
    assert choose_grouping(series, ATTRIBUTES, spec_of()) is None


def test_a_group_sells_what_its_series_sell() -> None:
    sales = sales_of({("A", "a"): [1, 2], ("A", "b"): [10, None], ("A", "c"): [5, 0]})
    sums = sum_sales(sales, members_of(sales, spec_of()), spec_of()).sort("item_id", "date").collect()
    assert sums.select("item_id", "units_sold").rows() == [("food", 11), ("food", 2), ("toys", 5), ("toys", 0)]


def test_known_series_stand_for_the_unknown_ones_unless_these_are_most() -> None:
    spec = spec_of(gaps="missing")
    sales = sales_of({("A", "a"): [1, 3, None], ("A", "b"): [1, None, None], ("A", "c"): [1, 1, 1]})
    sums = sum_sales(sales, members_of(sales, spec), spec).filter(item_id="food").sort("date").collect()
    assert sums["units_sold"].to_list() == [2, 6]  # day 1: one of two is known, 3 x 2; day 2: none


def test_the_price_of_a_group_is_a_chained_index() -> None:
    table = CovariateTable("prices", ("store_id", "item_id", "date"), {"price": "float"}, carry_forward=True)
    sales = sales_of({("A", "a"): [1, 1, 1], ("A", "b"): [1, 1, 1]})
    prices = pl.LazyFrame(
        [("A", "a", day(0), 2.0), ("A", "a", day(1), 4.0), ("A", "b", day(0), 9.0), ("A", "b", day(2), 3.0)],
        schema=["store_id", "item_id", "date", "price"],
        orient="row",
    )
    index = sum_covariates({"prices": prices}, members_of(sales, spec_of()), spec_of(table))["prices"].sort("date")
    steps = [1.0, math.sqrt(2), math.sqrt(2) / math.sqrt(3)]  # one of two prices doubles, the other falls to a third
    assert index.collect()["price"].to_list() == pytest.approx(steps)


def test_a_promotion_counts_by_the_share_of_series_that_have_it() -> None:
    table = CovariateTable("promotions", ("store_id", "item_id", "date"), {"promoted": "boolean"})
    sales = sales_of({("A", "a"): [1, 1], ("A", "b"): [1, 1]})
    listed = pl.LazyFrame({"store_id": "A", "item_id": ["a"], "date": [day(1)], "promoted": [True]})
    shares = sum_covariates({"promotions": listed}, members_of(sales, spec_of()), spec_of(table))["promotions"]
    assert shares.collect()["promoted"].to_list() == [0.5]
    assert group_spec(spec_of(table)).known_future == {"promoted": "integer"}


def test_no_row_of_a_group_changes_when_sales_after_its_rolling_cutoff_do() -> None:
    spec = spec_of()
    units = {("A", "a"): [float(n % 7) + 1 for n in range(60)], ("A", "b"): [float(n % 3) for n in range(60)]}
    spoilt = {key: [*values[:50], *(99.0 for _ in values[50:])] for key, values in units.items()}

    def rows(sold: dict[tuple[str, str], list[float]]) -> pl.DataFrame:
        sales = sales_of(sold)
        frame = build_group_features(
            sales, {}, ATTRIBUTES, first_sales(sales), spec, BY_DEPARTMENT, cutoff=day(59), start=day(0), phases=[0, 1]
        )
        # rolling cutoffs of phase 0 lie on odd days, those of phase 1 on even ones; both know day 49 at the most
        known = frame.filter(pl.col("date") <= day(49) + pl.duration(days=2 - pl.col("phase")))
        return known.drop("units_sold")

    assert_frame_equal(rows(units), rows(spoilt), check_exact=True)
    assert rows(units)["phase"].unique().sort().to_list() == [0, 1]
