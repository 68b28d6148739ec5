from __future__ import annotations

from typing import Any

import pytest

from retail_forecast.emulator import Cloud
from retail_forecast.emulator.price_list import training_instance
from retail_forecast.training.sagemaker.cost import Estimate, Price, estimate_cost, hourly_price, prices
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
    settings = sagemaker_settings(aws_region="us-east-1")  # and AWS is out of reach
    assert hourly_price(settings, "ml.m5.2xlarge") == Price(0.461, "the table of this package, as of 2025")
    assert {"source", "as_of"} <= set(prices())


def test_a_price_that_nobody_told_is_not_made_up_and_the_reason_is_told() -> None:
    unknown = estimate(training_price_usd=None, aws_region="ap-southeast-1")
    assert unknown.usd is None
    assert unknown.price.source.startswith("The Price List of AWS: Failed to connect to proxy URL")
    assert hourly_price(sagemaker_settings(aws_region="us-east-1"), "ml.unheard.of").usd is None


def test_the_price_list_of_aws_knows_the_region(aws_cloud: Cloud) -> None:
    kind = "ml.m5.xlarge"
    listed = [
        training_instance(kind, "ap-southeast-1", "0.25"),
        training_instance(kind, "ap-southeast-1", "0.50", kind="Host"),
        training_instance(kind, "us-east-1", "0.75", prefix="USE1"),
    ]
    aws_cloud.control("POST", "prices", listed)
    assert hourly_price(sagemaker_settings(), kind) == Price(0.25, "the Price List of AWS")
    # 1 job x 2 h x 1 instance x 0.25 USD
    assert estimate(training_price_usd=None, training_instance_type=kind).usd == pytest.approx(0.5)
    assert hourly_price(sagemaker_settings(training_price_usd=0.1), kind).usd == 0.1


def test_two_prices_are_no_price(aws_cloud: Cloud) -> None:
    kind = "ml.m5.12xlarge"
    aws_cloud.control("POST", "prices", [training_instance(kind, "ap-southeast-1", usd) for usd in ("3", "4")])
    found = hourly_price(sagemaker_settings(), kind)
    assert found.usd is None
    assert "One price of training on ml.m5.12xlarge in ap-southeast-1" in found.source
    assert "has: 3, 4" in found.source


def test_a_role_that_may_not_ask_is_told_what_to_grant(aws_cloud: Cloud) -> None:
    aws_cloud.plan_fault(service="pricing", action="GetProducts", code="AccessDeniedException", times=1)
    found = hourly_price(sagemaker_settings(), "ml.m5.4xlarge")
    assert found.usd is None
    assert "docs/permissions.md" in found.source
