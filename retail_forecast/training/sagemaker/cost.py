"""What a training job may cost before it is launched, and what it did cost after it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from retail_forecast.errors import AwsError, ConfigurationError, NotFoundError
from retail_forecast.settings import ENVIRONMENT_PREFIX, Settings
from retail_forecast.training.sagemaker.price_list import listed_price


@dataclass(frozen=True)
class Price:
    """Of an instance's hour, and who says so; None where nobody does, with the reason."""

    usd: float | None
    source: str


@dataclass(frozen=True)
class Estimate:
    """Of `jobs` jobs one after the other. usd: of all, None without a known price.

    seconds: of one job; basis: where they are from. price: an instance's hour.
    """

    jobs: int
    instance: str
    seconds: float
    basis: str
    price: Price
    usd: float | None


def estimate_cost(settings: Settings, *, jobs: int = 1, last_seconds: float | None = None) -> Estimate:
    """Seconds of the last job, or else the most a job may take, times price and instances, less what spot saves."""
    longest = float(settings.training_max_seconds)
    seconds = longest if last_seconds is None else min(last_seconds, longest)
    basis = "the longest that a job may run" if last_seconds is None else "the last job of this kind"
    price = hourly_price(settings, settings.training_instance_type)
    paid = 1 - settings.training_spot_discount if settings.training_spot else 1.0
    usd = None if price.usd is None else jobs * cost_usd(seconds, price.usd, settings.training_instance_count) * paid
    instance = instances_text(
        settings.training_instance_type, settings.training_instance_count, spot=settings.training_spot
    )
    return Estimate(jobs, instance, seconds, basis, price, usd)


def require_budget(settings: Settings, estimate: Estimate, what: str) -> None:
    """Raises ConfigurationError if `what` may cost more than the budget, or nobody knows what it costs."""
    budget, key = settings.training_budget_usd, f"{ENVIRONMENT_PREFIX}TRAINING_BUDGET_USD"
    if budget is None or (estimate.usd is not None and estimate.usd <= budget):
        return
    if estimate.usd is None:
        price = f"set {ENVIRONMENT_PREFIX}TRAINING_PRICE_USD, or mend this: {estimate.price.source}"
        expected = f"a price to hold {what} against: {price}"
        raise ConfigurationError(key=key, found=f"{budget:g} USD and no known price", expected=expected)
    text = f"at least {estimate.usd:,.2f} for {what}: {estimate.jobs} jobs of {estimate.seconds:,.0f} s"
    raise ConfigurationError(key=key, found=f"{budget:g}", expected=f"{text} ({estimate.basis}) on {estimate.instance}")


def cost_usd(billed_seconds: float, hourly_usd: float, instances: int) -> float:
    """The price of billed seconds; SageMaker tells those of one instance, and with spot what is saved is left out.

    >>> cost_usd(1800, 0.461, 2)
    0.461
    """
    return billed_seconds / 3600 * hourly_usd * instances


def hourly_price(settings: Settings, instance_type: str) -> Price:
    """The price of an instance for an hour: of the settings, else of AWS' own list, else of our table."""
    if settings.training_price_usd is not None:
        return Price(settings.training_price_usd, f"{ENVIRONMENT_PREFIX}TRAINING_PRICE_USD")
    try:
        return Price(listed_price(settings.aws_region, instance_type), "the Price List of AWS")
    except (AwsError, NotFoundError) as error:
        known: float | None = prices()["regions"].get(settings.aws_region, {}).get(instance_type)
        source = f"the table of this package, as of {prices()['as_of']}" if known is not None else str(error)
        return Price(known, source)


def instances_text(instance_type: str, count: int, *, spot: bool) -> str:
    """Instances in a few words.

    >>> instances_text("ml.m5.2xlarge", 2, spot=True)
    '2 x ml.m5.2xlarge, spot'
    """
    return f"{count} x {instance_type}{', spot' if spot else ''}"


@cache
def prices() -> Mapping[str, Any]:
    """The price table, with its source and date."""
    table: Mapping[str, Any] = json.loads(Path(__file__).with_name("prices.json").read_text(encoding="utf-8"))
    return table
