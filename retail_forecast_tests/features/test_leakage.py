"""No feature of a row up to cutoff + horizon changes when sales after the cutoff do; one table serves all uses."""

from __future__ import annotations

from functools import partial
from typing import Literal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from retail_forecast.features import (
    AttributeTable,
    CovariateTable,
    FeatureSpec,
    build_features,
    feature_names,
    first_sales,
)
from retail_forecast_tests.features.frames import day, features_of, sales_of

SERIES = [("A", "x"), ("A", "y"), ("B", "x")]
COVARIATES = (
    CovariateTable("prices", ("store_id", "item_id", "date"), {"sell_price": "float"}, carry_forward=True),
    CovariateTable("calendar", ("date",), {"holiday": "category"}),
)
ATTRIBUTES = (AttributeTable("items", ("item_id",), {"department": "category"}),)
PRICES = pl.LazyFrame(
    {"store_id": ["A", "A"], "item_id": ["x", "x"], "date": [day(0), day(30)], "sell_price": [2.9, 1.1]}
)
ITEMS = {"items": pl.LazyFrame({"item_id": ["x", "y"], "department": ["toys", "food"]})}
COUNTS = st.lists(st.sampled_from([None, 0.0, 0.0, 1.0, 2.5, 40.0]), min_size=60, max_size=60)


def tables(step: int) -> dict[str, pl.LazyFrame]:
    holidays = pl.LazyFrame({"date": [day(n, step=step) for n in (12, 45)], "holiday": ["Spring", "Summer"]})
    return {"prices": PRICES, "calendar": holidays}


@settings(max_examples=15, deadline=None)
@given(
    past=st.lists(COUNTS, min_size=3, max_size=3),
    futures=st.lists(COUNTS, min_size=6, max_size=6),
    frequency=st.sampled_from(["1d", "1w"]),
    horizon=st.integers(1, 10),
    rounds=st.integers(1, 4),
    gaps=st.sampled_from(["zero", "missing"]),
)
def test_sales_after_the_cutoff_change_no_feature_up_to_the_horizon(
    past: list[list[float | None]],
    futures: list[list[float | None]],
    frequency: Literal["1d", "1w"],
    horizon: int,
    rounds: int,
    gaps: Literal["zero", "missing"],
) -> None:
    spec = FeatureSpec(frequency, horizon, gaps, COVARIATES, ATTRIBUTES)
    step = spec.period_days
    cutoff, later = day(59, step=step), day(59 + rounds * horizon, step=step)

    def rows(after: list[list[float | None]]) -> pl.DataFrame:
        units = {key: [1.0, *old[1:], *new] for key, old, new in zip(SERIES, past, after, strict=True)}
        features = features_of(
            sales_of(units, step=step), spec, cutoff=later, covariates=tables(step), attributes=ITEMS
        )
        return features.filter(pl.col("date") <= spec.shift(cutoff, horizon)).select("date", *feature_names(spec))

    assert_frame_equal(rows(futures[:3]), rows(futures[3:]), check_exact=True)


@settings(max_examples=15, deadline=None)
@given(
    units=st.lists(COUNTS, min_size=3, max_size=3),
    rounds=st.integers(2, 9),
    frequency=st.sampled_from(["1d", "1w"]),
    gaps=st.sampled_from(["zero", "missing"]),
)
def test_training_features_equal_forecasting_features_row_for_row(
    units: list[list[float | None]],
    rounds: int,
    frequency: Literal["1d", "1w"],
    gaps: Literal["zero", "missing"],
) -> None:
    spec, cutoff = FeatureSpec(frequency, 4, gaps, COVARIATES, ATTRIBUTES), 59 - 4 * rounds
    step = spec.period_days
    sales = sales_of({key: [1.0, *values[1:]] for key, values in zip(SERIES, units, strict=True)}, step=step)
    last, first = day(cutoff, step=step), day(cutoff + 1, step=step)
    build = partial(features_of, sales, spec, covariates=tables(step), attributes=ITEMS)
    training = build(cutoff=day(59, step=step))
    horizon = training.filter(pl.col("date").is_between(first, spec.shift(last, 4)))
    forecasting = build(cutoff=last, start=first)
    assert_frame_equal(horizon.drop("units_sold"), forecasting.drop("units_sold"), check_exact=True)
    assert forecasting["units_sold"].null_count() == forecasting.height


@pytest.mark.parametrize("frequency", ["1d", "1w"])
def test_the_tail_of_the_history_is_enough(frequency: Literal["1d", "1w"]) -> None:
    """Two years of fractions, the last row alone: history before the warm-up changes not a bit of it."""
    spec = FeatureSpec(frequency, 4)
    step = spec.period_days
    values = [(number * 7919 % 13) / 10 for number in range(800)]
    sales = sales_of({("A", "x"): values, ("A", "y"): values[1:]}, step=step)
    cutoff, releases = day(798, step=step), first_sales(sales)
    start = spec.shift(cutoff, 1)
    tail = sales.filter(pl.col("date") >= spec.shift(start, -spec.warm_up))
    short = build_features(tail, {}, {}, spec, cutoff=cutoff, start=start, releases=releases).collect()
    whole = features_of(sales, spec, cutoff=cutoff).filter(pl.col("date") >= start)
    assert_frame_equal(short, whole, check_exact=True)


def test_every_lead_looks_at_all_that_its_cutoff_knew() -> None:
    sales = sales_of({("A", "x"): [float(number) for number in range(1, 31)]})
    features = features_of(sales, FeatureSpec("1d", 4), cutoff=day(29)).tail(8)
    assert features["lead"].to_list() == [1, 2, 3, 4] * 2
    assert features["units_sold_last_1"].to_list() == [26.0] * 4 + [30.0] * 4
