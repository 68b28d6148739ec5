"""What AWS itself says that an instance costs: its Price List, which any region's prices are asked of in one place."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from retail_forecast.aws import aws_client, aws_errors
from retail_forecast.errors import NotFoundError

ENDPOINT_REGION = "us-east-1"
SERVICE = "AmazonSageMaker"
_WHAT = "The Price List of AWS"


def listed_price(region: str, instance_type: str) -> float:
    """US dollars for an hour of one training instance, on demand. Raises AwsError, NotFoundError where AWS is silent.

    A process asks once for each instance type; what failed is asked again.
    """
    return _listed(region, instance_type, os.environ.get("AWS_ENDPOINT_URL"))


@lru_cache(maxsize=64)
def _listed(region: str, instance_type: str, _endpoint: str | None) -> float:
    client = aws_client("pricing", region=ENDPOINT_REGION, attempts=2, timeout_seconds=10)
    terms = {"regionCode": region, "instanceName": instance_type}
    filters = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in terms.items()]
    with aws_errors(_WHAT):
        pages = client.get_paginator("get_products").paginate(ServiceCode=SERVICE, Filters=filters)
        products = [json.loads(text) for page in pages for text in page["PriceList"]]
    prices = {price for product in products for price in _prices_of_training(product, instance_type)}
    if len(prices) != 1:
        found = ", ".join(f"{price:g}" for price in sorted(prices)) or "none"
        what = f"One price of training on {instance_type} in {region} ({_WHAT} has: {found})"
        raise NotFoundError(what, fix="Set RETAIL_FORECAST_TRAINING_PRICE_USD.")
    return prices.pop()


def _prices_of_training(product: Mapping[str, Any], instance_type: str) -> Iterator[float]:
    """Hourly prices of a product that is a training instance: its usage type is such as APS1-Train:ml.m5.large."""
    usage = product["product"]["attributes"].get("usagetype", "")
    if not re.fullmatch(rf"([A-Z0-9]+-)?Train:{re.escape(instance_type)}", usage):
        return
    for offer in product["terms"].get("OnDemand", {}).values():
        for dimension in offer["priceDimensions"].values():
            price = float(dimension["pricePerUnit"].get("USD", 0))
            if dimension["unit"] in ("Hrs", "Hours") and price > 0:
                yield price
