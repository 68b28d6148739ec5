"""The budget check: what a training may cost, before it is launched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from retail_forecast.orchestration.checks.training import build_training_checks, evaluate_budget
from retail_forecast.pipeline.trainings import billed_seconds, note_billed
from retail_forecast.settings import Settings
from retail_forecast_tests.orchestration.world import World


def settings(**more: Any) -> Settings:
    known: dict[str, Any] = {"trainer": "sagemaker", "training_price_usd": 2.0, "training_max_seconds": 3600}
    return Settings(**{**known, **more})


def test_training_and_backtest_together_are_held_against_the_budget() -> None:
    # two jobs of at most an hour, 3 instances at 2 USD: 12 USD
    result = evaluate_budget(settings(training_instance_count=3, training_budget_usd=11.99), {})
    assert not result.passed
    assert result.description is not None
    assert "12.00 USD on 3 x ml.m5.2xlarge, more than the budget of 11.99 USD" in result.description
    assert evaluate_budget(settings(training_instance_count=3, training_budget_usd=12.0), {}).passed


def test_the_last_jobs_say_how_long_the_next_will_take() -> None:
    # 900 s and 1800 s at 2 USD an hour: 0.50 and 1.00 USD
    result = evaluate_budget(settings(training_budget_usd=1.5), {"train": 900.0, "backtest": 1800.0})
    assert result.passed
    assert result.metadata["estimate USD"].value == pytest.approx(1.5)
    assert result.metadata["price USD per hour"].value == 2.0


def test_a_budget_without_a_known_price_stops_the_training_and_names_region_instance_and_setting() -> None:
    unknown = settings(training_price_usd=None, training_budget_usd=5.0, aws_region="ap-southeast-1")
    result = evaluate_budget(unknown, {"train": 1.0, "backtest": 1.0})
    assert not result.passed
    told = "No price is known of ml.m5.2xlarge in ap-southeast-1: set RETAIL_FORECAST_TRAINING_PRICE_USD."
    assert str(result.description).startswith(told)
    assert "estimate USD" not in result.metadata
    assert evaluate_budget(unknown.model_copy(update={"training_price_usd": 0.5}), {}).passed


def test_without_a_budget_the_estimate_is_told_and_nothing_is_stopped() -> None:
    result = evaluate_budget(settings(), {})
    assert result.passed
    assert "may cost 4.00 USD" in str(result.description)


def test_what_jobs_were_billed_is_kept_by_task(tmp_path: Path) -> None:
    lake = World(tmp_path).lake
    assert billed_seconds(lake) == {}
    note_billed(lake, "train", 30.0)
    note_billed(lake, "backtest", 40.0)
    note_billed(lake, "train", 35.0)
    assert billed_seconds(lake) == {"train": 35.0, "backtest": 40.0}


def test_a_training_on_this_machine_has_no_budget() -> None:
    assert build_training_checks(Settings()) == []
    (check,) = build_training_checks(settings())
    (spec,) = check.check_specs
    assert (spec.key.to_user_string(), spec.blocking) == ("features:training_fits_the_budget", True)
