"""What a planner looks at beside the forecasts of a series: the levels above it, its past, and finding it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from retail_forecast.dataset import SERIES
from retail_forecast.evaluation.hierarchy import group_names
from retail_forecast.features import FeatureSpec
from retail_forecast.lake import Lake
from retail_forecast.lake.vintage_history import fetch_history
from retail_forecast.lake.vintages import Vintage, scan_forecasts
from retail_forecast.pipeline.accuracy import ACCURACY
from retail_forecast.pipeline.series_accuracy import SERIES_ACCURACY
from retail_forecast.pipeline.stock_outs import STOCK_OUTS
from retail_forecast.serving.history import PastReader
from retail_forecast.serving.levels import SERIES_LEVEL, LevelTable
from retail_forecast.serving.live_tables import LiveTable
from retail_forecast.serving.search import SearchIndex


@dataclass(frozen=True)
class Insight:
    """One vintage's levels, an index of all names, and the past; `series` are the groups of the lowest level, in order.

    past: None of a vintage that was published without its history.
    """

    levels: LevelTable
    series: pl.Series
    search: SearchIndex
    past: PastReader | None
    accuracy: LiveTable
    stock_outs: LiveTable
    series_accuracy: LiveTable

    @classmethod
    def read(cls, lake: Lake, vintage: Vintage, spec: FeatureSpec, cache: Path) -> Insight:
        """What the lake has of a published vintage; `cache` receives downloads."""
        levels = LevelTable.read(lake, vintage)
        keys = scan_forecasts(lake, vintage.id).select(SERIES).unique().collect()
        series = group_names(keys, SERIES).sort()
        named = [(name, levels.groups[name].names) for name in levels.names]
        search = SearchIndex.build([*named, (SERIES_LEVEL, series)])
        past = _read_past(lake, vintage, spec, cache) if vintage.history else None
        live = (LiveTable(lake, name) for name in (ACCURACY, STOCK_OUTS, SERIES_ACCURACY))
        return cls(levels, series, search, past, *live)


def _read_past(lake: Lake, vintage: Vintage, spec: FeatureSpec, cache: Path) -> PastReader:
    folder = fetch_history(lake, vintage.id, cache / "history")
    return PastReader(folder, date.fromisoformat(vintage.cutoff), spec)
