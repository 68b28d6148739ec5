from __future__ import annotations

import math
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from retail_forecast.models import Bundle, fit_level
from retail_forecast.models.bundle import write_json
from retail_forecast_tests.models.small_features import small_features
from retail_forecast_tests.models.test_bundle import write_small_bundle


def backtest(*ratios: float | None) -> pl.DataFrame:
    """At each cutoff 100 units were forecast; ratio times as many were sold, or it is not known how many."""
    cutoffs = [date(2024, 1, 1) + timedelta(days=28 * number) for number in range(len(ratios))]
    sold = [None if ratio is None else 100 * ratio for ratio in ratios]
    return pl.DataFrame({"cutoff": cutoffs, "mean": [100.0] * len(ratios), "units_sold": sold})


@pytest.mark.parametrize(
    ("ratios", "level"),
    [
        # logarithms 1 and 3 percent: mean 0.02, standard error 0.01, so 1 - (0.01 / 0.02)^2 = 3/4 of it stays
        ((math.exp(0.01), math.exp(0.03)), math.exp(0.015)),
        ((0.95, 0.95, 0.95), 0.95),
        ((0.97, 1.05), 1.0),  # the cutoffs contradict each other
        ((1.04,), 1.0),  # one cutoff is chance
        ((1.04, None), 1.0),
        ((2.0, 2.0), 1.25),
        ((0.0, 0.5), 1.0),  # nothing sold at all says nothing of the level
        ((1.2, *[0.95] * 6), 0.95),  # too long ago to count
    ],
)
def test_the_level_moves_as_far_as_the_cutoffs_agree(ratios: tuple[float | None, ...], level: float) -> None:
    assert fit_level(backtest(*ratios)) == pytest.approx(level, abs=1e-6)


def test_a_bundle_multiplies_its_means(tmp_path: Path) -> None:
    before = write_small_bundle(tmp_path).predict(small_features())["mean"]
    write_json(tmp_path / "calibration.json", {"level": 1.1})
    after = Bundle.load(tmp_path).predict(small_features())["mean"]
    assert after.to_list() == pytest.approx((before * 1.1).to_list(), rel=1e-6)
