from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retail_forecast.errors import TrainingError
from retail_forecast.models import Intervals, fit_intervals

HORIZON = 28


def simulated(rows: int, seed: int) -> pl.DataFrame:
    """Poisson sales whose expectation drifts from the forecast the more, the longer the lead."""
    random = np.random.default_rng(seed)
    mean = random.gamma(0.7, 4.0, rows) + 0.01
    lead = random.integers(1, HORIZON + 1, rows)
    units = random.poisson(mean * random.lognormal(-0.02 * lead / 2, np.sqrt(0.02 * lead)))
    return pl.DataFrame({"lead": lead, "mean": mean, "units_sold": units.astype(float)})


@pytest.fixture(scope="module")
def intervals() -> Intervals:
    return fit_intervals(simulated(60_000, seed=1), horizon=HORIZON, quantiles=(0.1, 0.8))


@pytest.mark.parametrize(("low", "high"), [(0.05, 0.95), (0.25, 0.75), (0.005, 0.995)])
@pytest.mark.parametrize("leads", [(1, 7), (22, 28)])
def test_new_sales_fall_within_the_interval_as_often_as_it_says(
    intervals: Intervals, low: float, high: float, leads: tuple[int, int]
) -> None:
    fresh = simulated(40_000, seed=2).filter(pl.col("lead").is_between(*leads), pl.col("mean") > 4)
    bounds = intervals.add_quantiles(fresh, [low, high])
    inside = pl.col("units_sold").is_between(f"q{low:g}", f"q{high:g}")
    assert bounds.select(inside.mean()).item() == pytest.approx(high - low, abs=0.05)


def test_few_fall_above_the_upper_quantile_of_slow_sellers(intervals: Intervals) -> None:
    fresh = simulated(40_000, seed=3).filter(pl.col("mean") < 0.5)
    above = intervals.add_quantiles(fresh, [0.95]).select((pl.col("units_sold") > pl.col("q0.95")).mean()).item()
    assert above == pytest.approx(0.05, abs=0.02)


def test_longer_leads_have_wider_intervals(intervals: Intervals) -> None:
    rows = pl.DataFrame({"mean": [20.0, 20.0], "lead": [1, 28]})
    near, far = intervals.add_quantiles(rows, [0.05, 0.95]).select(width=pl.col("q0.95") - pl.col("q0.05"))["width"]
    assert far > near


@settings(max_examples=200, deadline=None)
@given(
    mean=st.floats(0, 1e6),
    lead=st.integers(1, 100),
    probabilities=st.lists(st.floats(0.0001, 0.9999), min_size=2, max_size=9, unique_by=lambda p: f"{p:g}"),
)
def test_quantiles_never_cross_and_are_never_negative(
    intervals: Intervals, mean: float, lead: int, probabilities: list[float]
) -> None:
    rows = pl.DataFrame({"mean": [mean], "lead": [lead]}, schema={"mean": pl.Float32, "lead": pl.Int16})
    values = intervals.add_quantiles(rows, probabilities).drop("mean", "lead").row(0)
    assert list(values) == sorted(values)
    assert values[0] >= 0


def test_levels_beyond_any_that_was_seen_get_quantiles_in_proportion(intervals: Intervals) -> None:
    rows = pl.DataFrame({"mean": [1e4, 1e5], "lead": [3, 3]})
    slow, fast = intervals.add_quantiles(rows, [0.9])["q0.9"]
    assert fast == pytest.approx(10 * slow, rel=0.01)


def test_returns_may_make_quantiles_negative() -> None:
    units = np.random.default_rng(4).normal(0.0, 5.0, 2_000)
    rows = pl.DataFrame({"lead": [1] * 2_000, "mean": [0.5] * 2_000, "units_sold": units})
    intervals = fit_intervals(rows, horizon=1, non_negative=False)
    assert intervals.add_quantiles(rows.head(1), [0.05])["q0.05"][0] == pytest.approx(-8.2, abs=0.8)


def test_intervals_survive_json_and_are_the_same_each_time(intervals: Intervals) -> None:
    rows = simulated(500, seed=5)
    text = json.dumps(intervals.to_json())
    again = fit_intervals(simulated(60_000, seed=1).reverse(), horizon=HORIZON, quantiles=(0.1, 0.8))
    assert json.dumps(again.to_json()) == text
    restored = Intervals.from_json(json.loads(text))
    assert restored.add_quantiles(rows, [0.1, 0.8]).equals(intervals.add_quantiles(rows, [0.1, 0.8]))


def test_a_handful_of_residuals_is_enough_for_some_interval() -> None:
    rows = pl.DataFrame({"lead": [1, 2, 3], "mean": [2.0, 2.0, 2.0], "units_sold": [1.0, 2.0, 6.0]})
    low, high = fit_intervals(rows, horizon=3).add_quantiles(rows.head(1), [0.05, 0.95]).select("q0.05", "q0.95").row(0)
    # one bucket for all leads; at three residuals the outer ranks are the least and the largest
    assert (low, high) == (pytest.approx(1.0, abs=1e-4), pytest.approx(6.0, abs=1e-4))


def test_without_known_sales_there_are_no_intervals() -> None:
    rows = pl.DataFrame({"lead": [1], "mean": [1.0], "units_sold": [None]}, schema_overrides={"units_sold": pl.Float32})
    with pytest.raises(TrainingError, match="no rows with known sales"):
        fit_intervals(rows, horizon=1)
