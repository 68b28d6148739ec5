"""What a vintage tells of the time before its cutoff."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from retail_forecast.evaluation.hierarchy import build_levels, level_sums
from retail_forecast.features import CovariateTable, FeatureSpec
from retail_forecast.lake import Lake
from retail_forecast.lake.tables import NewPart
from retail_forecast.pipeline.past import past_periods, past_table, read_past, read_past_covariates
from retail_forecast_tests.pipeline.small_lake import new_lake, small_dataset

CUTOFF = date(2024, 1, 6)
SERIES = pl.DataFrame({"store_id": ["S", "S"], "item_id": ["a", "b"]})
RELEASES = SERIES.with_columns(release=pl.Series([date(2024, 1, 2), date(2024, 1, 4)]))
LEVELS = build_levels(SERIES, {}, [(), ("store_id", "item_id")])


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """a sells from the 2nd on and b from the 4th on; b has no row on the 5th, and nothing was delivered for the 3rd."""
    lake = new_lake(tmp_path)
    sold = {1: {"a": 0, "b": 0}, 2: {"a": 3, "b": 0}, 4: {"a": 0, "b": 2}, 5: {"a": 1}, 6: {"a": 1, "b": 5}}
    for day, units in sold.items():
        rows = pl.DataFrame({"store_id": "S", "item_id": list(units), "units_sold": list(units.values())})
        dated = rows.with_columns(pl.col("units_sold").cast(pl.Float32), date=pl.lit(date(2024, 1, day)))
        lake.table("sales").publish({f"2024-01-0{day}": NewPart(dated)})
    return lake


def last_six(lake: Lake, policy: str, group: str) -> list[float | None]:
    past = read_past(lake, small_dataset(policy={"missing_periods": policy}), SERIES, RELEASES, cutoff=CUTOFF)
    table = past_table(past, LEVELS, level_sums(LEVELS, past.units))
    units: list[float | None] = table.filter(group=group)["units_sold"][0].to_list()
    assert len(units) == past_periods("1d")
    assert units[:-6] == [None] * (len(units) - 6)
    return units[-6:]


def test_nothing_is_known_before_the_first_sale_or_of_a_day_without_any_sales(lake: Lake) -> None:
    assert last_six(lake, "zero", "S/a") == [None, 3.0, None, 0.0, 1.0, 1.0]
    assert last_six(lake, "zero", "S/b") == [None, None, None, 2.0, 0.0, 5.0]


def test_a_missing_row_is_unknown_where_the_dataset_says_so(lake: Lake) -> None:
    assert last_six(lake, "missing", "S/b") == [None, None, None, 2.0, None, 5.0]


def test_a_group_is_the_sum_of_what_is_known(lake: Lake) -> None:
    assert last_six(lake, "zero", "total") == [None, 3.0, None, 2.0, 1.0, 6.0]
    assert last_six(lake, "missing", "total") == [None, 3.0, None, 2.0, 1.0, 6.0]


def test_a_price_that_holds_on_is_kept_from_before_the_window(lake: Lake) -> None:
    prices = CovariateTable("prices", ("item_id", "date"), {"sell_price": "float"}, carry_forward=True)
    spec = FeatureSpec(frequency="1d", horizon=7, covariates=(prices,))
    first = CUTOFF - timedelta(days=past_periods("1d") - 1)
    days = [first - timedelta(days=9), first - timedelta(days=2), CUTOFF, CUTOFF + timedelta(days=1)]
    rows = pl.DataFrame({"item_id": "a", "date": days, "sell_price": [1.0, 2.0, 3.0, 4.0]})
    lake.table("prices").publish({"all": NewPart(rows)})
    assert read_past_covariates(lake, spec, cutoff=CUTOFF)["prices"]["sell_price"].to_list() == [2.0, 3.0]


def test_sums_of_sums_are_the_sums_of_the_series() -> None:
    series = pl.DataFrame({"store_id": [f"s{n % 4}" for n in range(24)], "item_id": [f"i{n // 4}" for n in range(24)]})
    attributes = {
        "stores": pl.DataFrame({"store_id": ["s0", "s1", "s2", "s3"], "state": ["x", "x", "y", "y"]}),
        "items": pl.DataFrame({"item_id": [f"i{n}" for n in range(6)], "kind": list("aabbcc")}),
    }
    columns = [
        (),
        ("state",),
        ("store_id",),
        ("kind",),
        ("state", "kind"),
        ("state", "item_id"),
        ("store_id", "item_id"),
    ]
    levels = build_levels(series, attributes, columns)
    units = np.random.default_rng(1).integers(0, 9, (24, 5)).astype(np.float32)
    sums = level_sums(levels, units)
    for level in levels:
        np.testing.assert_array_equal(sums[level.name], level.sums(units))
    any_of = level_sums(levels, units > 7, add=np.logical_or)
    for level in levels:
        np.testing.assert_array_equal(any_of[level.name], level.sums((units > 7).astype(float)) > 0)
