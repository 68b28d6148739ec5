from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retail_forecast.models import alignment_factors, fit_alignment

DAY = date(2024, 1, 1)


def forecasts_of(*means: float, group: str = "food") -> pl.DataFrame:
    return pl.DataFrame({"store_id": "A", "group": group, "date": DAY, "mean": list(means)})


def backtest_of(mean: float, group_mean: float, units_sold: float) -> pl.DataFrame:
    """Two items that share what was sold."""
    rows = forecasts_of(mean, mean)
    return rows.with_columns(cutoff=pl.lit(DAY), group_mean=group_mean, units_sold=units_sold / 2)


def test_aligned_items_sum_up_to_their_group_and_keep_their_shares() -> None:
    forecasts = forecasts_of(1.0, 3.0)
    factors = alignment_factors(forecasts, forecasts_of(8.0), weight=1.0)
    assert (forecasts["mean"] * factors).to_list() == [2.0, 6.0]


def test_half_of_the_way_is_the_geometric_mean() -> None:
    factors = alignment_factors(forecasts_of(1.0, 3.0), forecasts_of(16.0), weight=0.5)
    assert factors.to_list() == [2.0, 2.0]  # sqrt(16 / 4)


def test_what_no_group_speaks_of_stays_as_it_is() -> None:
    forecasts = pl.concat([forecasts_of(1.0), forecasts_of(2.0, group="toys"), forecasts_of(0.0, group="none")])
    groups = pl.concat([forecasts_of(2.0), forecasts_of(5.0, group="none")])
    assert alignment_factors(forecasts, groups, weight=1.0).to_list() == [2.0, 1.0, 1.0]


def test_a_group_moves_its_items_by_four_times_at_the_most() -> None:
    assert alignment_factors(forecasts_of(1.0), forecasts_of(100.0), weight=1.0).to_list() == [4.0]


@pytest.mark.parametrize(("units_sold", "weight"), [(8.0, 1.0), (2.0, 0.0), (4.0, 0.5)])
def test_the_weight_is_the_one_that_the_backtest_agrees_with(units_sold: float, weight: float) -> None:
    assert fit_alignment(backtest_of(1.0, 8.0, units_sold)) == weight  # items say 2, the group 8, between them lies 4


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=5), st.floats(0.01, 100), st.floats(0, 1))
def test_factors_are_positive_and_the_same_for_all_items_of_a_day(
    means: list[float], wanted: float, weight: float
) -> None:
    factors = alignment_factors(forecasts_of(*means), forecasts_of(wanted), weight=weight)
    assert factors.n_unique() == 1
    assert 0.249 < factors[0] < 4.001
