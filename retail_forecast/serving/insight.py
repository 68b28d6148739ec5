"""What a planner looks at beside the forecasts of a series: the levels above it, its past, and finding it."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from retail_forecast.dataset import SERIES
from retail_forecast.evaluation.hierarchy import group_names
from retail_forecast.lake import Lake
from retail_forecast.lake.vintages import Vintage, scan_forecasts
from retail_forecast.pipeline.accuracy import ACCURACY
from retail_forecast.serving.levels import SERIES_LEVEL, LevelTable
from retail_forecast.serving.live_tables import LiveTable
from retail_forecast.serving.search import SearchIndex


@dataclass(frozen=True)
class Insight:
    """One vintage's levels and an index of all names; `series` are the groups of the lowest level, in order."""

    levels: LevelTable
    series: pl.Series
    search: SearchIndex
    accuracy: LiveTable

    @classmethod
    def read(cls, lake: Lake, vintage: Vintage) -> Insight:
        """What the lake has of a published vintage."""
        levels = LevelTable.read(lake, vintage)
        keys = scan_forecasts(lake, vintage.id).select(SERIES).unique().collect()
        series = group_names(keys, SERIES).sort()
        named = [(name, levels.groups[name].names) for name in levels.names]
        search = SearchIndex.build([*named, (SERIES_LEVEL, series)])
        return cls(levels, series, search, LiveTable(lake, ACCURACY))
