"""Every feature of sales and prices against its definition, written out for one row of a long random history."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from retail_forecast.features import CovariateTable, FeatureSpec, build_features
from retail_forecast.features.smoothing import smoothing_forecast
from retail_forecast_tests.features.frames import day, features_of, row_of, sales_of

PRICES = CovariateTable("prices", ("store_id", "item_id", "date"), {"price": "float"})
SPEC = FeatureSpec("1d", horizon=10, covariates=(PRICES,))
DAYS, LEAD = 900, 9
RANDOM = np.random.default_rng(5)
UNITS: NDArray[np.float64] = RANDOM.poisson(1.5, DAYS).astype(float)
COSTS = RANDOM.integers(1, 99, DAYS + 10) / 8
SALES = sales_of({("A", "x"): UNITS.tolist(), ("A", "y"): UNITS[:400].tolist()})
KNOWN = UNITS[::-1]  # from the cutoff, the last day, backwards
BEFORE = 364 - LEAD  # to the day of the row a year before


@pytest.fixture(scope="module")
def row() -> dict[str, object]:
    prices = pl.LazyFrame({"date": [day(n) for n in range(DAYS + 10)], "price": COSTS}).with_columns(
        store_id=pl.lit("A"), item_id=pl.lit("x")
    )
    features = features_of(SALES, SPEC, cutoff=day(DAYS - 1), start=day(DAYS - 50), covariates={"prices": prices})
    return row_of(features, day(DAYS - 1 + LEAD))


def test_windows_end_at_the_cutoff(row: dict[str, object]) -> None:
    for window in (7, 14, 28, 56, 180):
        assert row[f"units_sold_mean_{window}"] == pytest.approx(KNOWN[:window].mean())
    for window in (7, 28, 180):
        assert row[f"units_sold_std_{window}"] == pytest.approx(KNOWN[:window].std(ddof=1))
    assert row["zero_share_180"] == pytest.approx((KNOWN[:180] == 0).mean())
    assert row["periods_since_sale"] == (KNOWN > 0).argmax()


def test_weekdays_are_those_of_the_row(row: dict[str, object]) -> None:
    same = KNOWN[14 - LEAD :: 7]  # nine days ahead, the same weekday is five days before the cutoff
    assert [row[f"units_sold_same_weekday_{n}"] for n in (2, 3, 4)] == same[1:4].tolist()
    for count in (4, 8, 16):
        assert row[f"units_sold_same_weekday_mean_{count}"] == pytest.approx(same[:count].mean())


@pytest.mark.parametrize("half_life", [7, 28])
def test_weeks_count_less_the_older_they_are(row: dict[str, object], half_life: int) -> None:
    weeks = KNOWN[: 32 * 7].reshape(32, 7).sum(axis=1)
    weight = 0.5 ** (7 / half_life * np.arange(32))
    assert row[f"units_sold_ewm_{half_life}"] == pytest.approx((weeks * weight).sum() / (7 * weight).sum())


@pytest.mark.parametrize("window", [7, 28])
def test_the_season_is_the_days_around_over_the_weeks_before(row: dict[str, object], window: int) -> None:
    around = KNOWN[BEFORE - window // 2 :][:window].mean()
    before = KNOWN[364:][:28].mean()  # what the cutoff knew a year ago
    assert row[f"units_sold_mean_{window}_years_before"] == pytest.approx(around)
    assert row[f"units_sold_season_{window}"] == pytest.approx(around / before)


def test_the_smoothing_forecast_is_that_of_the_last_392_days(row: dict[str, object]) -> None:
    forecast = smoothing_forecast(UNITS[None, -392:], SPEC.horizon, SPEC.season_length)
    assert row["exponential_smoothing"] == pytest.approx(forecast[0, LEAD - 1])


def test_a_price_is_compared_with_what_it_was_before_the_cutoff(row: dict[str, object]) -> None:
    known = COSTS[:DAYS][::-1]
    assert row["price"] == COSTS[DAYS - 1 + LEAD]
    assert row["price_last"] == known[0]
    assert row["price_mean_180"] == pytest.approx(known[:180].mean())
    assert row["price_max_364"] == known[:364].max()


def test_fewer_rows_or_features_are_the_same_rows_and_features() -> None:
    spec = FeatureSpec("1d", horizon=10)
    whole = features_of(SALES, spec, cutoff=day(DAYS - 1))
    wanted = ["units_sold_std_28", "month"]
    some = build_features(SALES, {}, {}, spec, cutoff=day(DAYS - 1), end=day(DAYS - 4), only=wanted).collect()
    kept = whole.filter(pl.col("date") <= day(DAYS - 4))
    assert some.equals(kept.select(name for name in whole.columns if name in some.columns))
    assert some.columns == ["store_id", "item_id", "date", "units_sold", "month", "units_sold_std_28"]
