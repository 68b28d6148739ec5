"""What one replica answers from: a vintage's forecasts, the feature rows behind them, and their model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from retail_forecast.lake.vintages import Vintage
from retail_forecast.models import Bundle
from retail_forecast.serving.answers import PublishedAnswers
from retail_forecast.serving.feature_rows import FeatureRows
from retail_forecast.serving.insight import Insight
from retail_forecast.serving.levels import SERIES_LEVEL
from retail_forecast.serving.members import describe_series, nested_levels
from retail_forecast.serving.packing import UnsoundVintageError
from retail_forecast.serving.table import DECIMALS, ForecastTable, Series
from retail_forecast.serving.what_if import WhatIf

__all__ = ["Predictor", "UnsoundVintageError"]

_TOLERANCE = 1e-3  # the table holds Float32


@dataclass(frozen=True)
class Predictor:
    """One vintage, loaded completely. `scenarios` are its feature rows, in the order of the table."""

    vintage: Vintage
    table: ForecastTable
    scenarios: pl.LazyFrame
    bundle: Bundle
    loaded_at: str
    insight: Insight

    @classmethod
    def build(
        cls, vintage: Vintage, table: ForecastTable, scenarios: pl.LazyFrame, bundle: Bundle, insight: Insight
    ) -> Predictor:
        """The predictor, tried before anybody asks it. Raises UnsoundVintageError."""
        predictor = cls(vintage, table, scenarios, bundle, datetime.now(UTC).isoformat(timespec="seconds"), insight)
        predictor._check()
        return predictor

    @property
    def provenance(self) -> dict[str, str]:
        """What every answer carries."""
        vintage = self.vintage
        return {"vintage": vintage.id, "model_version": vintage.model_version, "cutoff": vintage.cutoff}

    @cached_property
    def answers(self) -> PublishedAnswers:
        """What is published, as it is sent."""
        return PublishedAnswers(self.provenance, self.table)

    def feature_rows(self, series: Series) -> pl.DataFrame:
        """The feature rows behind the series' forecasts. Raises KeyError."""
        first, last = self.table.spans[series]
        return self.scenarios.slice(first, last - first).collect()

    @cached_property
    def described(self) -> pl.DataFrame:
        """One row per series, sorted: its keys, and what it is by the columns of the levels."""
        return describe_series(self.scenarios, self.insight.levels.names)

    @cached_property
    def nesting(self) -> Mapping[str, list[str]]:
        """Level, the series' too, to the levels that it lies within."""
        return nested_levels(self.described, [*self.insight.levels.names, SERIES_LEVEL])

    @cached_property
    def rows(self) -> FeatureRows:
        """The same rows as the model's numbers."""
        return FeatureRows(self.scenarios, self.bundle, self.table.spans)

    @cached_property
    def what_ifs(self) -> WhatIf:
        """What answers scenarios."""
        return WhatIf(self.bundle, self.table, self.rows, self.vintage.quantiles)

    def _predict(self, series: Series, rows: pl.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Mean and quantiles [H, 1 + Q] of the model for feature rows of one series."""
        first, last = self.table.spans[series]
        lead = pl.Series("lead", self.table.leads[first:last], dtype=pl.Int16)
        spread = pl.Series("spread", self.table.spreads[first:last])
        mean = self.bundle.predict(rows).with_columns(lead, spread)
        full = self.bundle.add_quantiles(mean, self.vintage.quantiles)
        columns = ["mean", *(f"q{q:g}" for q in self.vintage.quantiles)]
        return np.round(full.select(pl.col(columns).cast(pl.Float64)).to_numpy(), DECIMALS) + 0.0

    def _check(self) -> None:
        vintage, found = self.vintage, (len(self.table.values), len(self.table.spans))
        if found != (vintage.rows, vintage.series):
            said = f"{vintage.rows} rows of {vintage.series} series"
            raise UnsoundVintageError(
                f"Vintage {vintage.id} should have {said} but has {found[0]} of {found[1]}. Publish it again."
            )
        if not self.table.has_rows_of(self.scenarios):
            raise UnsoundVintageError(f"Vintage {vintage.id}: its feature rows are not those of its forecasts.")
        for series in self._probes():
            self._check_model(series)

    def _probes(self) -> list[Series]:
        """One series of every pool, so that each pool's model is read and tried."""
        stores = self.table.stores
        probes = [next((store for store in pool if store in stores), None) for pool in self.bundle.pools.values()]
        found = [store for store in probes if store is not None] or [next(iter(stores))]
        return [(store, self.table.items(store)[0]) for store in found]

    def _check_model(self, series: Series) -> None:
        first, last = self.table.spans[series]
        expected, found = self.table.values[first:last], self._predict(series, self.feature_rows(series))
        if not np.allclose(expected, found, rtol=_TOLERANCE, atol=_TOLERANCE):
            worst = float(np.abs(expected - found).max())
            raise UnsoundVintageError(
                f"Vintage {self.vintage.id}: its model does not reproduce its forecasts of store {series[0]!r}, item "
                f"{series[1]!r} (off by up to {worst:.4g} units). Publish the forecasts again."
            )
