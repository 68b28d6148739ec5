"""Sums over windows of time, against the windows themselves."""

from __future__ import annotations

import numpy as np
import pytest

from retail_forecast.features.sums import Lifetimes, PhaseSums, RunningSums, Totals, round_exactly

FIVE = np.array([[1.0, 2.0, 4.0, 8.0, 16.0]])


def test_a_window_is_summed_up_to_the_period_it_ends_with() -> None:
    sums = RunningSums(FIVE).ending(np.array([1, 4]), 2)
    assert sums.ravel().tolist() == [3, 24]  # 1 + 2, 8 + 16


def test_a_sum_can_step_over_periods() -> None:
    sums = PhaseSums(FIVE, step=2)
    assert sums.ending(np.array([3, 4]), 2).ravel().tolist() == [10, 20]  # 2 + 8, 4 + 16
    assert PhaseSums(FIVE, step=1).ending(np.array([3, 4]), 4).ravel().tolist() == [15, 30]


def test_what_is_known_since_birth_is_counted_without_looking() -> None:
    """Born in the second period: of the four that end with the fourth, three are known."""
    known = np.array([[False, True, True, True, True, True, True]])
    periods, born = np.arange(3, 7), np.array([1])
    assert Lifetimes(born).ending(periods, 4).ravel().tolist() == [3, 4, 4, 4]
    assert (Lifetimes(born).ending(periods, 4) == RunningSums(known).ending(periods, 4)).all()
    assert (Lifetimes(born, step=2).ending(periods, 2) == PhaseSums(known, 2).ending(periods, 2)).all()


def test_what_is_unknown_counts_for_nothing() -> None:
    totals = Totals(np.array([[0.0, 3.0, 0.0]]), np.array([[False, True, True]]), 1)
    last = np.array([0, 2])
    assert totals.mean(last, 1).ravel().tolist() == pytest.approx([np.nan, 0.0], nan_ok=True)
    assert totals.mean(np.array([2]), 3).item() == 1.5  # 3 over two known periods
    assert totals.zero_share(np.array([2]), 3).item() == 0.5
    assert np.isnan(totals.deviation(np.array([1]), 2)).all()  # one known value has none


def test_a_constant_has_no_deviation_however_large_and_long() -> None:
    """Squares of large numbers with fractions need more digits than a float has."""
    constant = np.full((1, 2_000), 24_924.5 + 2.0**-16)
    totals = Totals(constant, np.ones_like(constant), 1)
    assert totals.deviation(np.array([1_999]), 180).item() == pytest.approx(0.0, abs=1e-3)


def test_where_a_history_begins_changes_no_deviation() -> None:
    values = np.round(np.random.default_rng(0).random((3, 900)) * 30_000 * 2**16) / 2**16
    whole, tail = (Totals(part, np.ones_like(part), 1) for part in (values, values[:, 700:]))
    assert (whole.deviation(np.array([899]), 180) == tail.deviation(np.array([199]), 180)).all()


@pytest.mark.parametrize("each", [4_000.0, 400_000.0])
def test_sums_of_whole_numbers_are_exact_however_large(each: float) -> None:
    """Float32 holds every whole number up to 2²⁴ = 16,777,216; 400,000 sold a hundred times are more."""
    exact = round_exactly(np.full((1, 100), each, dtype=np.float32))
    assert exact.dtype == np.float32
    assert RunningSums(exact).ending(np.array([98, 99]), 99).tolist() == [[99 * each, 99 * each]]


def test_fractions_are_rounded_to_steps_and_whole_numbers_are_not_touched() -> None:
    assert round_exactly(np.array([[0.1, 3.0]])).tolist() == [[6554 / 65_536, 3.0]]  # 0.1 · 65,536 = 6,553.6
    assert round_exactly(np.array([[16_777_217.0]])).dtype == np.float64  # one more than Float32 holds
