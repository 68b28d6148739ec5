"""Which vintages are still needed, worked out on a small lake."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from retail_forecast.lake import Lake
from retail_forecast.lake.retention import find_lineage
from retail_forecast.lake.vintages import list_vintages, put_in_force
from retail_forecast.pipeline.accuracy import forecast_accuracy
from retail_forecast.pipeline.retention import Keep, prune_lake, superfluous_vintages
from retail_forecast.pipeline.trainings import changed_rows, finish_training, start_training
from retail_forecast_tests.pipeline.small_lake import (
    START,
    new_lake,
    publish_constant_vintage,
    publish_days,
    small_dataset,
)

LATER = datetime.now(UTC) + timedelta(days=40)
CUTOFF = date(2024, 1, 4)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = new_lake(tmp_path)
    publish_days(lake, {"a": [0, 1, 3, 1], "b": [2, 2, 4, 4]})
    return lake


def superfluous(lake: Lake, keep: Keep, *, before: datetime = LATER) -> list[str]:
    return [vintage.id for vintage in superfluous_vintages(lake, small_dataset(), keep, before=before)]


def test_the_last_vintages_stay_and_what_is_in_force_or_served(lake: Lake, tmp_path: Path) -> None:
    for name in ("v1", "v2", "v3", "v4"):
        publish_constant_vintage(lake, tmp_path, CUTOFF, {"a": 1, "b": 1}, id=name)
    put_in_force(lake, "v1")
    assert superfluous(lake, Keep(vintages=1, days=30)) == ["v2", "v3"]
    assert superfluous(lake, Keep(vintages=2, days=30)) == ["v2"]
    assert superfluous(lake, Keep(vintages=1, days=30, served=["v2"])) == ["v3"]
    assert superfluous(lake, Keep(vintages=1, days=30), before=datetime(2024, 2, 1, tzinfo=UTC)) == []


def test_the_vintages_whose_accuracy_counts_stay(lake: Lake, tmp_path: Path) -> None:
    cutoffs = [CUTOFF + timedelta(days=number) for number in range(7)]
    for cutoff in cutoffs:
        publish_constant_vintage(lake, tmp_path, cutoff, {"a": 1, "b": 1}, id=str(cutoff))
    publish_days(lake, {"a": [1.0] * 6, "b": [1.0] * 6}, start=date(2024, 1, 5))
    # Sales reach January 10: of the cutoffs 4 to 9 at least one of four days is known, and the last four count.
    before = forecast_accuracy(lake, small_dataset())
    assert superfluous(lake, Keep(vintages=1, days=30)) == ["2024-01-04", "2024-01-05"]
    prune_lake(lake, small_dataset(), Keep(vintages=1, days=30), artifacts=(), now=LATER)
    assert [vintage.id for vintage in list_vintages(lake)] == [str(cutoff) for cutoff in cutoffs[2:]]
    assert forecast_accuracy(lake, small_dataset()).equals(before)
    assert all(find_lineage(lake, str(cutoff)) is not None for cutoff in cutoffs)


def test_corrections_since_the_training_are_counted_as_before(lake: Lake) -> None:
    start_training(lake, "r", cutoff=CUTOFF)
    last = finish_training(lake, "r", version="1", window_start=START, dataset_hash="d", recipe="r")
    for units in range(25):  # more publications than manifests are kept
        publish_days(lake, {"a": [float(units)], "b": [2.0]})
    assert changed_rows(lake, last) == (1, 8)  # a on January 1, of two items on four days
    prune_lake(lake, small_dataset(), Keep(vintages=1, days=30), artifacts=(), now=LATER)
    assert changed_rows(lake, last) == (1, 8)
