from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retail_forecast.errors import TrainingError
from retail_forecast.models import Intervals, Sample, fit_intervals
from retail_forecast_tests.models.samples import intervals_of

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
    return intervals_of(simulated(60_000, seed=1), horizon=HORIZON, quantiles=(0.1, 0.8))


@pytest.mark.parametrize("quantile", [0.005, 0.05, 0.25, 0.75, 0.95, 0.995])
@pytest.mark.parametrize("leads", [(1, 7), (22, 28)])
@pytest.mark.parametrize("units", [(0.0, 0.5), (4.0, 99.0)])
def test_new_sales_stay_below_a_quantile_as_often_as_it_says(
    intervals: Intervals, quantile: float, leads: tuple[int, int], units: tuple[float, float]
) -> None:
    fresh = simulated(40_000, seed=2).filter(pl.col("lead").is_between(*leads), pl.col("mean").is_between(*units))
    bound = intervals.add_quantiles(fresh, [quantile])[f"q{quantile:g}"]
    # whole units: the quantile is the least number at which the share of sales up to it reaches the probability
    assert (fresh["units_sold"] < bound).mean() <= quantile + 0.03  # type: ignore[operator]
    assert (fresh["units_sold"] <= bound).mean() >= quantile - 0.03  # type: ignore[operator]


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
    intervals = intervals_of(rows, horizon=1, non_negative=False)
    assert intervals.add_quantiles(rows.head(1), [0.05])["q0.05"][0] == pytest.approx(-8.2, abs=0.8)


def test_intervals_survive_json_and_are_the_same_each_time(intervals: Intervals) -> None:
    rows = simulated(500, seed=5)
    text = json.dumps(intervals.to_json())
    again = intervals_of(simulated(60_000, seed=1).reverse(), horizon=HORIZON, quantiles=(0.1, 0.8))
    assert json.dumps(again.to_json()) == text
    restored = Intervals.from_json(json.loads(text))
    assert restored.add_quantiles(rows, [0.1, 0.8]).equals(intervals.add_quantiles(rows, [0.1, 0.8]))


def test_a_handful_of_residuals_is_enough_for_some_interval() -> None:
    rows = pl.DataFrame({"lead": [1, 2, 3], "mean": [2.0, 2.0, 2.0], "units_sold": [1.0, 2.0, 6.0]})
    low, high = intervals_of(rows, horizon=3).add_quantiles(rows.head(1), [0.05, 0.95]).select("q0.05", "q0.95").row(0)
    # three groups: scales of their own, drawn to the usual one, and a shape that is mostly Student's t
    assert 0 <= low < 2 < high < 6


def test_without_known_sales_there_are_no_intervals() -> None:
    rows = pl.DataFrame({"lead": [1], "mean": [1.0], "units_sold": [None]}, schema_overrides={"units_sold": pl.Float32})
    with pytest.raises(TrainingError, match="no rows with known sales"):
        intervals_of(rows, horizon=1)


def erratic(seed: int) -> Sample:
    """300 groups over two cutoffs, each expected to sell 4; half of them sell in lumps, and spread says which."""
    random = np.random.default_rng(seed)
    lumpy = np.arange(300) % 2 == 1
    steady, lumps = random.poisson(4.0, (2, 300, 28)), 4 * random.poisson(1.0, (2, 300, 28))
    units = np.where(lumpy[:, None], lumps, steady).astype(float)
    spread = np.where(lumpy, np.log(4.0), 0.0) + random.normal(0, 0.1, (2, 300))
    return Sample(tuple(f"g{group}" for group in range(300)), np.full(units.shape, 4.0), units, spread)


def test_erratic_series_have_wider_intervals_than_steady_ones_of_the_same_level() -> None:
    intervals = fit_intervals(erratic(seed=1))
    rows = pl.DataFrame({"mean": [4.0, 4.0], "lead": [5, 5], "spread": [0.0, np.log(4.0)]})
    steady, lumpy = intervals.add_quantiles(rows, [0.95])["q0.95"]
    # 95 of 100 draws of a Poisson's of 4 are at most 8, of one of 1 at most 3, times 4
    assert (steady, lumpy) == (8.0, 12.0)


def test_quantiles_of_whole_units_are_whole(intervals: Intervals) -> None:
    rows = pl.DataFrame({"mean": [0.3, 2.7, 41.9], "lead": [1, 9, 28]})
    made = intervals.add_quantiles(rows, [0.25, 0.5, 0.8]).select("q0.25", "q0.5", "q0.8").to_numpy()
    assert (made == np.rint(made)).all()


def few(groups: int, scale: float) -> Sample:
    """Groups that sell about 100, the first with residuals four times as large as those of the others."""
    random = np.random.default_rng(6)
    width = np.where(np.arange(groups) == 0, 4 * scale, scale)[:, None]
    units = 100.5 + random.normal(0, 1, (6, groups, 28)) * width
    return Sample(tuple(f"g{i}" for i in range(groups)), np.full(units.shape, 100.5), units, np.zeros((6, groups)))


def test_with_few_groups_each_has_a_scale_of_its_own() -> None:
    intervals = fit_intervals(few(10, scale=5.0))
    spread = intervals.spreads(["g0", "g1", "never seen"], np.zeros(3))
    units = intervals.quantiles(np.full(3, 100.5), np.full(3, 10), spread, [0.5, 0.95])
    wide, narrow, usual = units[:, 1] - 100.5
    # 1.645 deviations of 20 and of 5; a group that was never seen is as wide as the groups are on average (6.5)
    assert (wide, narrow) == (pytest.approx(33, rel=0.2), pytest.approx(8.2, rel=0.2))
    assert usual == pytest.approx(1.645 * 6.5, rel=0.2)
