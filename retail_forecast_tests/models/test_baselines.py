from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from retail_forecast.features.smoothing import smooth
from retail_forecast.models import BASELINES, Baseline
from retail_forecast.models.exponential_smoothing import exponential_smoothing
from retail_forecast.models.seasonal_naive import seasonal_naive

START = date(2024, 1, 1)


def sold(*units: float | None, item: str = "a", start: int = 0) -> pl.DataFrame:
    """One row per day from `start` days after START on."""
    days = [START + timedelta(days=start + i) for i in range(len(units))]
    schema = {"store_id": pl.String, "item_id": pl.String, "date": pl.Date, "units_sold": pl.Float32}
    return pl.DataFrame([("s", item, day, u) for day, u in zip(days, units, strict=True)], schema=schema, orient="row")


def ahead(cutoff: date, horizon: int) -> list[date]:
    return [cutoff + timedelta(days=lead) for lead in range(1, horizon + 1)]


def test_the_last_season_is_repeated() -> None:
    cutoff = START + timedelta(days=5)
    rows = sold(9, 9, 9, 1, 2, 3)
    means = seasonal_naive(rows, cutoff=cutoff, future_dates=ahead(cutoff, 4), season_length=3)
    assert means["mean"].to_list() == [1, 2, 3, 1]
    assert means["date"].to_list() == ahead(cutoff, 4)


def test_unknown_periods_of_the_last_season_are_filled_with_the_mean() -> None:
    cutoff = START + timedelta(days=3)
    rows = pl.concat([sold(1, 1, 1, 1), sold(4, 8, item="new", start=2), sold(3, None, 5, 1, item="hole")])
    means = seasonal_naive(rows, cutoff=cutoff, future_dates=ahead(cutoff, 3), season_length=3)
    assert means.filter(item_id="new")["mean"].to_list() == [6, 4, 8]  # (4 + 8) / 2 for the day before its life
    assert means.filter(item_id="hole")["mean"].to_list() == [3, 5, 1]  # (3 + 5 + 1) / 3


def test_smoothing_moves_the_level_by_its_share_of_the_error() -> None:
    # level 2 (mean of the first four), then errors 4 and 2: 2 + 0.5 * 4 = 4, 4 + 0.5 * 2 = 5
    units = np.array([[2.0, 2.0, 2.0, 2.0, 6.0, 6.0]])
    assert smooth(units, 2, 1, 0.5, 0.0).tolist() == [[5.0, 5.0]]


def test_unknown_periods_do_not_move_the_level() -> None:
    units = np.array([[2.0, 2.0, 2.0, 2.0, np.nan, 6.0]])
    assert smooth(units, 1, 1, 0.5, 0.0).tolist() == [[4.0]]


def test_smoothing_equals_the_textbook_recursion_of_each_series() -> None:
    random = np.random.default_rng(0)
    units = random.poisson(3.0 + 2.0 * (np.arange(60) % 7 == 5), (3, 60)).astype(float)
    for row, forecast in zip(units, smooth(units, 9, 7, 0.1, 0.2), strict=True):
        level = row[:14].mean()
        season = [row[phase:14:7].mean() - level for phase in range(7)]
        for t, y in enumerate(row):
            error = y - (level + season[t % 7])
            level, season[t % 7] = level + 0.1 * error, season[t % 7] + 0.2 * error
        assert forecast == pytest.approx([level + season[(60 + h) % 7] for h in range(9)])


def test_a_weekly_pattern_is_learned_and_never_goes_below_zero() -> None:
    cutoff = START + timedelta(days=139)
    rows = sold(*([0, 0, 0, 0, 0, 14, 7] * 20))
    means = exponential_smoothing(rows, cutoff=cutoff, future_dates=ahead(cutoff, 7), season_length=7)[
        "mean"
    ].to_numpy()
    assert means == pytest.approx([0, 0, 0, 0, 0, 14, 7], abs=0.5)
    assert means.min() >= 0


def test_returns_may_be_forecast_where_there_were_some() -> None:
    cutoff = START + timedelta(days=29)
    means = exponential_smoothing(sold(*[-2.0] * 30), cutoff=cutoff, future_dates=ahead(cutoff, 1), season_length=7)
    assert means["mean"][0] == pytest.approx(-2)


@pytest.mark.parametrize("name", BASELINES)
def test_sales_after_the_cutoff_change_nothing(name: str) -> None:
    baseline: Baseline = BASELINES[name]
    cutoff = START + timedelta(days=20)
    rows = pl.concat([sold(*range(30)), sold(5, 6, item="later", start=25)])
    changed = rows.with_columns(units_sold=pl.when(pl.col("date") > cutoff).then(99.0).otherwise("units_sold"))
    means = [
        baseline(frame, cutoff=cutoff, future_dates=ahead(cutoff, 9), season_length=7)
        for frame in (rows, changed, rows.filter(pl.col("date") <= cutoff), rows.reverse())
    ]
    assert all(other.equals(means[0]) for other in means[1:])
    assert means[0]["item_id"].unique().to_list() == ["a"]


@pytest.mark.parametrize("name", BASELINES)
def test_weekly_series_shorter_than_a_season_get_a_forecast(name: str) -> None:
    weeks = [START + timedelta(weeks=i) for i in range(5)]
    rows = pl.DataFrame({"store_id": "s", "item_id": "a", "date": weeks, "units_sold": [3.0] * 5})
    cutoff = weeks[-1]
    future = [cutoff + timedelta(weeks=i) for i in range(1, 9)]
    means = BASELINES[name](rows, cutoff=cutoff, future_dates=future, season_length=52)
    assert means["mean"].to_list() == pytest.approx([3.0] * 8)
