"""The Price List: it knows the products that it was told of, at the prices that were told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Product = dict[str, Any]


@dataclass
class PriceList:
    """Products as AWS describes them (product.attributes, terms.OnDemand); none at first."""

    products: list[Product] = field(default_factory=list)

    def answer(self, action: str, asked: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """The answer to GetProducts: what matches every filter, each as a text of JSON, all on one page."""
        if action != "GetProducts":
            return 400, {"__type": "InvalidParameterException", "message": f"{action} is not emulated."}
        terms = {one["Field"]: one["Value"] for one in asked.get("Filters", [])} | {"servicecode": asked["ServiceCode"]}
        found = [json.dumps(one) for one in self.products if _matches(one["product"]["attributes"], terms)]
        return 200, {"FormatVersion": "aws_v1", "PriceList": found}


def _matches(attributes: Mapping[str, str], terms: Mapping[str, str]) -> bool:
    return all(attributes.get(name, "").lower() == value.lower() for name, value in terms.items())


def training_instance(
    instance_type: str, region: str, usd: str, *, prefix: str = "APS1", kind: str = "Train"
) -> Product:
    """A product as AWS lists instances of SageMaker; `kind` is Train, Host, Notebk and the like."""
    usage = f"{prefix}-{kind}:{instance_type}"
    attributes = {
        "servicecode": "AmazonSageMaker",
        "regionCode": region,
        "instanceName": instance_type,
        "usagetype": usage,
    }
    dimension = {"unit": "Hrs", "pricePerUnit": {"USD": usd}, "description": f"{usd} USD per hour of {usage}"}
    offer = {"priceDimensions": {f"{usage}.1": dimension}, "termAttributes": {}}
    return {
        "serviceCode": "AmazonSageMaker",
        "product": {"attributes": attributes},
        "terms": {"OnDemand": {usage: offer}},
    }
