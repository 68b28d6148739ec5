"""Drift by hand."""

from __future__ import annotations

from datetime import date, timedelta
from math import log

import polars as pl
import pytest

from retail_forecast.evaluation.drift import stability_index


def _sales(units: list[float], *, store: str = "s", start: date = date(2024, 1, 1)) -> pl.LazyFrame:
    days = [start + timedelta(days=i) for i in range(len(units))]
    return pl.LazyFrame({"store_id": store, "item_id": "i", "date": days, "units_sold": units})


def test_equal_sales_have_no_drift() -> None:
    drift = stability_index(_sales([1, 2, 4]), _sales([4, 1, 2], start=date(2024, 2, 1)))
    assert drift.to_dicts() == [
        {"store_id": store, "psi": 0.0, "units_trained": 7 / 3, "units_recent": 7 / 3} for store in ("s", "all")
    ]


def test_drift_is_the_population_stability_index_over_bins_of_units() -> None:
    drift = stability_index(_sales([4, 0, 0, 0]), _sales([0, 4], start=date(2024, 2, 1)))
    # None sold: 3/4 of the rows in training, 1/2 lately; four sold: 1/4 and 1/2.
    expected = (0.5 - 0.75) * log(0.5 / 0.75) + (0.5 - 0.25) * log(0.5 / 0.25)
    assert drift["psi"].to_list() == pytest.approx([expected, expected])


def test_rows_before_the_first_sale_do_not_count() -> None:
    late = stability_index(_sales([0, 0, 0, 1, 1]), _sales([1], start=date(2024, 2, 1)))
    assert late["psi"].to_list() == [0.0, 0.0]


def test_each_store_is_compared_with_itself() -> None:
    trained = pl.concat([_sales([1, 1], store="a"), _sales([8, 8], store="b")])
    recent = pl.concat(
        [_sales([1], store="a", start=date(2024, 2, 1)), _sales([80], store="b", start=date(2024, 2, 1))]
    )
    drift = dict(stability_index(trained, recent).select("store_id", "psi").iter_rows())
    assert drift["a"] == 0.0
    assert drift["b"] > drift["all"] > 0.25


def test_returns_have_a_bin_of_their_own() -> None:
    drift = stability_index(_sales([1, -1, -3]), _sales([1, -9, -1], start=date(2024, 2, 1)))
    assert drift["psi"].to_list() == [0.0, 0.0]
