"""Three stores, whose sales are a level times a weekday's factor, and twice as much on a feast."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from retail_forecast.features import CovariateTable, FeatureSpec, build_features
from retail_forecast.models.group_model import read_regression, write_regression
from retail_forecast.models.regression import Regression, context_start
from retail_forecast.models.regression_fitting import fit_regression

SPEC = FeatureSpec("1d", 14, covariates=(CovariateTable("calendar", ("date",), {"event": "category"}),))
START, DAYS = date(2022, 1, 3), 800
CUTOFF = START + timedelta(days=DAYS - 1)
STORES = {"A": 20.0, "B": 50.0, "C": 400.0}
FEASTS = [START + timedelta(days=n) for n in (60, 260, 460, 660, 805)]  # the last within the horizon
WEEKDAYS = np.array([0.8, 0.9, 1.0, 1.0, 1.1, 1.4, 0.8])


def truth(growth: float = 1.0) -> pl.DataFrame:
    """What is sold until the end of the horizon; from the last 70 days before the cutoff on `growth` times as much."""
    days = [START + timedelta(days=n) for n in range(DAYS + SPEC.horizon)]
    rows = [
        (store, "all", day, level * WEEKDAYS[n % 7] * (2 if day in FEASTS else 1) * (growth if n >= DAYS - 70 else 1))
        for store, level in STORES.items()
        for n, day in enumerate(days)
    ]
    return pl.DataFrame(rows, schema=["store_id", "item_id", "date", "units_sold"], orient="row")


def feature_rows(sold: pl.DataFrame) -> pl.DataFrame:
    feasts = pl.LazyFrame({"date": FEASTS, "event": "feast"})
    return build_features(sold.lazy(), {"calendar": feasts}, {}, SPEC, cutoff=CUTOFF, start=START).collect()


def forecast(fitted: Regression, rows: pl.DataFrame) -> np.ndarray:
    """[3, H]"""
    around = rows.filter(pl.col("date") >= context_start(SPEC, CUTOFF))
    means = fitted.predict(around, SPEC, CUTOFF)
    assert np.isnan(means[(around["date"] <= CUTOFF).to_numpy()]).all()
    return np.asarray(means[(around["date"] > CUTOFF).to_numpy()].reshape(3, -1))


def actual(sold: pl.DataFrame) -> np.ndarray:
    return sold.filter(pl.col("date") > CUTOFF)["units_sold"].to_numpy().reshape(3, -1)


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    return feature_rows(truth())


@pytest.fixture(scope="module")
def fitted(rows: pl.DataFrame) -> Regression:
    return fit_regression(rows, SPEC)


def test_weekdays_and_a_feast_are_told_apart(fitted: Regression, rows: pl.DataFrame) -> None:
    assert forecast(fitted, rows) == pytest.approx(actual(truth()), rel=0.05)


def test_the_level_is_that_of_the_last_weeks_though_the_effects_are_older(fitted: Regression) -> None:
    grown = truth(growth=3.0)
    assert forecast(fitted, feature_rows(grown)) == pytest.approx(actual(grown), rel=0.05)


def test_a_day_without_any_sale_hardly_moves_the_level(fitted: Regression) -> None:
    closed = pl.when(pl.col("date") == CUTOFF).then(0.0).otherwise("units_sold")
    moved = forecast(fitted, feature_rows(truth().with_columns(units_sold=closed)))
    assert moved == pytest.approx(actual(truth()), rel=0.1)


def test_sales_after_the_cutoff_change_nothing(fitted: Regression, rows: pl.DataFrame) -> None:
    units = pl.when(pl.col("date") > CUTOFF).then(9_999.0).otherwise("units_sold").cast(pl.Float32)
    assert (forecast(fitted, rows.with_columns(units_sold=units)) == forecast(fitted, rows)).all()


def test_it_survives_its_file_and_further_phases_of_the_same_days_teach_it_nothing(
    fitted: Regression, rows: pl.DataFrame, tmp_path: Path
) -> None:
    write_regression(rows, SPEC, tmp_path / "regression.json")
    again = read_regression(tmp_path / "regression.json")
    assert forecast(again, rows) == pytest.approx(forecast(fitted, rows), rel=1e-6)
    assert fit_regression(pl.concat([rows, rows]), SPEC).to_json() == fitted.to_json()


def test_a_group_that_was_not_there_has_no_forecast(fitted: Regression, rows: pl.DataFrame) -> None:
    strange = rows.with_columns(store_id=pl.lit("Z")).filter(pl.col("date") > CUTOFF)
    assert np.isnan(fitted.predict(strange, SPEC, CUTOFF)).all()


def test_weeks_have_effects_too() -> None:
    spec = FeatureSpec("1w", 8)
    weeks = [START + timedelta(weeks=n) for n in range(160)]
    season = [100 + 30 * np.cos(2 * np.pi * n / 52.18) for n in range(160)]
    sold = pl.DataFrame({"store_id": "A", "item_id": "all", "date": weeks, "units_sold": season})
    rows = build_features(sold.lazy(), {}, {}, spec, cutoff=weeks[151], start=START).collect()
    means = fit_regression(rows, spec).predict(rows, spec, weeks[151])
    assert means[-8:] == pytest.approx(season[-8:], rel=0.05)
