"""Everything that features are read off, in memory: one series after the other, one period after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
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

    born [N]: the period of each series' first sale. delivered [N, T]: `units_sold`; where there is no row, zero, or NaN
    if that means that nothing is known.
    relative: [N, T] of each relative covariate.
    """

    series: pl.DataFrame
    timeline: Timeline
    born: Places
    delivered: NDArray[Any]
    sales: Lookup
    covariates: Mapping[str, Lookup]
    relative: Mapping[str, Feature]

    @property
    def spec(self) -> FeatureSpec:
        return self.timeline.spec

    def units(self, series: slice = slice(None)) -> Units:
        """What some of the series sold, or all of them."""
        return read_units(self.delivered[series], self.born[series], self.timeline)


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
    relative = {
        name: table.matrix(name)[table.entity]
        for name in timeline.spec.relative
        for table in tables.values()
        if name in table.values.columns
    }
    missing = 0.0 if timeline.spec.missing_periods == "zero" else np.nan
    born, delivered = timeline.place_of(series["release"], later=True), sold.matrix("units_sold", missing)
    return Sources(series, timeline, born, delivered, sold, tables, relative)
