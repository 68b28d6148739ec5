from __future__ import annotations

from typing import Any

import pytest

from retail_forecast.training.sagemaker.cost import Estimate, estimate_cost, hourly_price, prices
from retail_forecast_tests.training.sagemaker.jobs_of import sagemaker_settings


def estimate(jobs: int = 1, last_seconds: float | None = None, **settings: Any) -> Estimate:
    plain = {"training_price_usd": 2.0, "training_spot": False, "training_max_seconds": 7200}
    return estimate_cost(sagemaker_settings(**{**plain, **settings}), jobs=jobs, last_seconds=last_seconds)


def test_without_a_last_job_the_estimate_is_the_most_that_a_job_may_cost() -> None:
    # 2 jobs x 2 h x 3 instances x 2 USD
    found = estimate(2, training_instance_count=3)
    assert found.usd == pytest.approx(24.0)
    assert found.basis == "the longest that a job may run"


def test_the_last_job_says_how_long_the_next_will_take_up_to_its_limit() -> None:
    assert estimate(last_seconds=1800).usd == pytest.approx(1.0)
    assert estimate(last_seconds=90_000).usd == pytest.approx(4.0)


def test_what_spot_is_expected_to_save_is_taken_off_only_with_spot() -> None:
    spot: dict[str, Any] = {"training_spot": True, "training_spot_discount": 0.75}
    assert estimate(**spot).usd == pytest.approx(1.0)
    assert estimate(training_spot_discount=0.75).usd == pytest.approx(4.0)


def test_the_table_knows_a_region_and_says_where_its_prices_are_from() -> None:
    settings = sagemaker_settings(aws_region="us-east-1")
    assert hourly_price(settings, "ml.m5.2xlarge") == 0.461
    assert {"source", "as_of"} <= set(prices())


def test_a_price_that_nobody_told_is_not_made_up() -> None:
    assert estimate(training_price_usd=None, aws_region="ap-southeast-1").usd is None
    assert hourly_price(sagemaker_settings(aws_region="us-east-1"), "ml.unheard.of") is None
