"""Where a backtest stands."""

from __future__ import annotations

from datetime import date, timedelta

from retail_forecast.evaluation import rolling_cutoffs


def test_horizons_lie_side_by_side_and_end_on_the_last_day() -> None:
    last = date(2016, 5, 22)
    cutoffs = rolling_cutoffs(last, 3, 28)
    assert cutoffs == [date(2016, 2, 28), date(2016, 3, 27), date(2016, 4, 24)]
    assert cutoffs[-1] + timedelta(days=28) == last


def test_weekly_cutoffs_stay_on_the_same_weekday() -> None:
    assert rolling_cutoffs(date(2024, 7, 1), 2, 4, period_days=7) == [date(2024, 5, 6), date(2024, 6, 3)]


def test_young_data_gives_fewer_cutoffs() -> None:
    assert rolling_cutoffs(date(2024, 1, 31), 3, 10, first=date(2024, 1, 15)) == [date(2024, 1, 21)]
