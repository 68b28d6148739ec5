"""Partitions of sales: one per period of the dataset."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import dagster as dg

from retail_forecast.dataset import Dataset

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"


def sales_partitions(dataset: Dataset) -> dg.TimeWindowPartitionsDefinition:
    """One partition per day or week from the dataset's start to its end, or to the period that is running."""
    start, end = dataset.start_date, None
    if dataset.end_date is not None:
        end = (dataset.end_date + timedelta(days=dataset.period_days)).isoformat()
    if dataset.frequency == "1d":
        return dg.DailyPartitionsDefinition(start_date=start.isoformat(), end_date=end, end_offset=1)
    sunday_first = (start.weekday() + 1) % 7
    return dg.WeeklyPartitionsDefinition(
        start_date=start.isoformat(), end_date=end, day_offset=sunday_first, end_offset=1
    )


def contiguous_ranges(partitions: Iterable[str], period_days: int) -> list[tuple[str, str]]:
    """The partitions as (first, last) of unbroken stretches, each of which is one run.

    >>> contiguous_ranges(["2024-01-02", "2024-01-01", "2024-01-09"], 1)
    [('2024-01-01', '2024-01-02'), ('2024-01-09', '2024-01-09')]
    """
    ranges: list[tuple[str, str]] = []
    for key in sorted(partitions):
        before = (date.fromisoformat(key) - timedelta(days=period_days)).isoformat()
        if ranges and ranges[-1][1] == before:
            ranges[-1] = (ranges[-1][0], key)
        else:
            ranges.append((key, key))
    return ranges
