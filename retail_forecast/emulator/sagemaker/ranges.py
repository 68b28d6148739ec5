"""Hyperparameters drawn from the ranges of a tuning job."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping
from typing import Any

from retail_forecast.emulator.sagemaker.errors import RefusedError


def draw_parameters(config: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """One set of texts after another: the whole grid for the strategy Grid, else at random without an end.

    Bayesian and Hyperband are treated as Random: where they look next is the service's own knowledge.
    """
    ranges = config.get("ParameterRanges") or {}
    if config["Strategy"] == "Grid":
        if ranges.get("IntegerParameterRanges") or ranges.get("ContinuousParameterRanges"):
            raise RefusedError("ValidationException", "The strategy Grid takes categorical ranges only.")
        rows = ranges.get("CategoricalParameterRanges") or []
        for values in itertools.product(*(row["Values"] for row in rows)):
            yield {row["Name"]: value for row, value in zip(rows, values, strict=True)}
        return
    chance = random.Random(config.get("RandomSeed"))  # noqa: S311 - a search, not a secret
    while True:
        yield _draw(ranges, chance)


def _draw(ranges: Mapping[str, Any], chance: random.Random) -> dict[str, str]:
    integers = {
        row["Name"]: str(round(scaled(row, chance.random()))) for row in ranges.get("IntegerParameterRanges") or []
    }
    numbers = {row["Name"]: repr(scaled(row, chance.random())) for row in ranges.get("ContinuousParameterRanges") or []}
    texts = {row["Name"]: chance.choice(row["Values"]) for row in ranges.get("CategoricalParameterRanges") or []}
    return integers | numbers | texts


def scaled(row: Mapping[str, str], share: float) -> float:
    """The value that lies `share` of the way from a range's least to its greatest, on its scale.

    >>> round(scaled({"MinValue": "0.01", "MaxValue": "1", "ScalingType": "Logarithmic"}, 0.5), 6)
    0.1
    >>> scaled({"MinValue": "2", "MaxValue": "4"}, 0.5)
    3.0
    """
    low, high = float(row["MinValue"]), float(row["MaxValue"])
    scaling = row.get("ScalingType", "Auto")
    if scaling == "Logarithmic":
        return low * math.exp(share * math.log(high / low))
    if scaling == "ReverseLogarithmic":
        return 1 - (1 - low) * math.exp(share * math.log((1 - high) / (1 - low)))
    return low + share * (high - low)
