"""Everything that features are read off, in memory: one series after the other, one period after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl
from numpy.typing import NDArray

from retail_forecast.features.covariates import look_up_covariates
from retail_forecast.features.lookup import Lookup, look_up
from retail_forecast.features.spec import FeatureSpec
from retail_forecast.features.sums import Feature
from retail_forecast.features.timeline import Places, Timeline
from retail_forecast.features.units import Units, read_units

_KEYS = ("store_id", "item_id", "date")


@dataclass(frozen=True)
class Sources:
    """series: store_id, item_id, release and attributes, sorted. sales, covariates: rows by series and period.

    born [N]: the period of each series' first sale.
    """

    series: pl.DataFrame
    timeline: Timeline
    born: Places
    sales: Lookup
    covariates: Mapping[str, Lookup]

    @property
    def spec(self) -> FeatureSpec:
        return self.timeline.spec

    def units(self, series: slice = slice(None)) -> Units:
        """What some of the series sold, or all of them."""
        return read_units(self._delivered[series], self.born[series], self.timeline)

    @cached_property
    def _delivered(self) -> NDArray[Any]:
        """[N, T]: `units_sold` of each series, NaN where there is no row."""
        return self.sales.matrix("units_sold")[self.sales.entity]

    def relative(self) -> dict[str, Feature]:
        """[N, T] of each relative covariate."""
        return {
            name: table.matrix(name)[table.entity]
            for name in self.spec.relative
            for table in self.covariates.values()
            if name in table.values.columns
        }


def read_sources(
    sales: pl.LazyFrame, covariates: Mapping[str, pl.LazyFrame], series: pl.DataFrame, timeline: Timeline
) -> Sources:
    """What the tables say of the series (store_id, item_id, release and attributes; sorted) along the timeline."""
    since = sales.filter(pl.col("date") >= timeline.first)
    sold = look_up(since.select(*_KEYS, "units_sold", *timeline.spec.sales_values), _KEYS, series, timeline)
    tables = {
        table.name: look_up_covariates(table, covariates[table.name], series, timeline)
        for table in timeline.spec.covariates
    }
    return Sources(series, timeline, timeline.place_of(series["release"], later=True), sold, tables)
