"""What both sides of a comparison share: which features can be compared, and which stores are used."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from retail_forecast.dataset import Dataset
from retail_forecast.features import FeatureSpec, feature_names

SALES = "units_sold"
WEEK, YEAR = 7, 364
"""In days; a year of whole weeks, as horizons of up to 350 days have it."""


@dataclass(frozen=True)
class Window:
    """A statistic of the `count` periods, `step` apart, that end `lag` periods ago."""

    statistic: str
    lag: int
    count: int = 1
    step: int = 1

    @property
    def reach(self) -> int:
        """How many periods back its oldest value lies."""
        return self.lag + (self.count - 1) * self.step


def sales_spec(dataset: Dataset, horizon: int = 1) -> FeatureSpec:
    """The features of a daily dataset that need nothing but sales: no prices, events or attributes.

    With a horizon of one day every row lies one day after its cutoff, as mlforecast's rows do.
    """
    return FeatureSpec(frequency=dataset.frequency, horizon=horizon, missing_periods=dataset.policy.missing_periods)


def common_features(spec: FeatureSpec) -> dict[str, Window]:
    """Our features of sales that mlforecast's built-in transforms compute too, by our names, which say what they are.

    Left out, because mlforecast has no equal: exponentially weighted means (ours step by whole weeks and end after
    32 of them), shares of zeros, periods since the last sale and since the first, means of whole stores.
    """
    names = [name.removeprefix(f"{SALES}_") for name in feature_names(spec) if name.startswith(f"{SALES}_")]
    windows = {f"{SALES}_{name}": _window(name) for name in names}
    return {name: window for name, window in windows.items() if window is not None}


def _window(name: str) -> Window | None:
    """What a name such as mean_7 means on the day after a cutoff."""
    match = re.fullmatch(r"(\D+)_(\d+)(_years_before)?", name)
    if match is None:
        return None
    kind, number = match[1], int(match[2])
    if match[3]:
        return Window("mean", YEAR - number // 2, number)
    known = {
        "last": Window("lag", number),
        "same_weekday": Window("lag", number * WEEK),
        "mean": Window("mean", 1, number),
        "std": Window("std", 1, number),
        "same_weekday_mean": Window("seasonal mean", WEEK, number, WEEK),
    }
    return known.get(kind)


def used_stores(stores: list[str] | None) -> pl.Expr:
    """The rows of these stores, or all."""
    return pl.lit(True) if stores is None else pl.col("store_id").is_in(stores)
