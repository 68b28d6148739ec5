from __future__ import annotations

from datetime import date

from retail_forecast.dataset import parse_dataset
from retail_forecast.orchestration.partitions import contiguous_ranges, sales_partitions
from retail_forecast_tests.orchestration.world import DATASET


def test_daily_sales_have_one_partition_per_day_and_the_last_is_included() -> None:
    dataset = parse_dataset({**DATASET, "end_date": date(2024, 1, 3)})
    assert sales_partitions(dataset).get_partition_keys() == ["2024-01-01", "2024-01-02", "2024-01-03"]


def test_weekly_partitions_begin_on_the_weekday_of_the_dataset() -> None:
    # 2024-01-06 is a Saturday, as in M5
    weekly = {"frequency": "1w", "start_date": date(2024, 1, 6), "end_date": date(2024, 1, 20)}
    keys = sales_partitions(parse_dataset({**DATASET, **weekly})).get_partition_keys()
    assert keys == ["2024-01-06", "2024-01-13", "2024-01-20"]


def test_without_an_end_the_running_period_has_a_partition() -> None:
    dataset = parse_dataset({**DATASET, "end_date": None})
    assert date.fromisoformat(sales_partitions(dataset).get_partition_keys()[-1]) >= date.today()  # noqa: DTZ011


def test_ranges_break_where_a_week_is_missing() -> None:
    weeks = ["2024-01-06", "2024-01-13", "2024-01-27"]
    assert contiguous_ranges(weeks, 7) == [("2024-01-06", "2024-01-13"), ("2024-01-27", "2024-01-27")]
