"""What both sides of a comparison share: which features can be compared, and which stores are used."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from retail_forecast.features import FeatureSpec
from retail_forecast.features.windows import SALES


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


def common_features(spec: FeatureSpec) -> dict[str, Window]:
    """Our features of sales that mlforecast's built-in transforms compute too, by our names.

    Left out, because mlforecast has no equal: exponentially weighted means (ours step by whole weeks and end after
    32 of them), shares of zeros, periods since the last sale and since the first, means of whole stores.
    """
    w, h = spec.windows, spec.horizon
    centred = [w.centred_lag(window) for window in w.around_year]
    return {
        **{f"{SALES}_lag_{lag}": Window("lag", lag) for lag in w.lags},
        **{f"{SALES}_mean_{n}_lag_{h}": Window("mean", h, n) for n in w.means},
        **{f"{SALES}_std_{n}_lag_{h}": Window("std", h, n) for n in w.stds},
        **{
            f"{SALES}_same_weekday_mean_{n}_lag_{w.phase_lag}": Window("seasonal mean", w.phase_lag, n, w.cycle)
            for n in w.phase_counts
        },
        **{
            f"{SALES}_mean_{n}_lag_{lag}": Window("mean", lag, n) for n, lag in zip(w.around_year, centred, strict=True)
        },
    }


def used_stores(stores: list[str] | None) -> pl.Expr:
    """The rows of these stores, or all."""
    return pl.lit(True) if stores is None else pl.col("store_id").is_in(stores)
