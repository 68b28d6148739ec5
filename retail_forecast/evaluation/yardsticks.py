"""What errors are held against at each level: how much its groups vary from period to period, and what they weigh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retail_forecast.evaluation import metrics
from retail_forecast.evaluation.hierarchy import Level, build_levels
from retail_forecast.evaluation.panel import Panel, build_panel
from retail_forecast.evaluation.weights import recent_revenue

Frame = pl.LazyFrame | pl.DataFrame


@dataclass(frozen=True)
class Yardstick:
    """One level at one cutoff: mean squared and mean absolute step [G], and the weight [G], of each of its groups."""

    level: Level
    squared: NDArray[np.float64]
    absolute: NDArray[np.float64]
    weight: NDArray[np.float64]


def build_yardsticks(
    series: pl.DataFrame,
    history: Frame,
    attributes: Mapping[str, Frame],
    prices: Frame | None,
    levels: Sequence[Sequence[str]],
    periods: Mapping[date, int],
) -> dict[date, list[Yardstick]]:
    """Cutoff to one yardstick per level, over `series`: one row per (store_id, item_id), sorted.

    history: store_id, item_id, date, units_sold; of each cutoff only what lies at or before it is used.
    periods: the cutoffs, and how many periods of revenue before each make the weights.
    """
    cutoffs = sorted(periods)
    panel = build_panel(history.lazy(), series, last=cutoffs[-1])
    stops = [panel.periods_until(cutoff) for cutoff in cutoffs]
    lazy_prices = None if prices is None else prices.lazy()
    scaled = [(level, *_scales(level, panel, stops)) for level in build_levels(series, attributes, levels)]
    made: dict[date, list[Yardstick]] = {}
    for column, (cutoff, stop) in enumerate(zip(cutoffs, stops, strict=True)):
        revenue = recent_revenue(panel, stop=stop, horizon=periods[cutoff], prices=lazy_prices)[:, None]
        made[cutoff] = [
            Yardstick(level, squared[:, column], absolute[:, column], level.sums(revenue)[:, 0])
            for level, squared, absolute in scaled
        ]
    return made


def _scales(level: Level, panel: Panel, stops: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[G, len(stops)] each."""
    if panel.units.shape[1] == 0:
        none = np.full((len(level.starts), len(stops)), np.nan)
        return none, none
    pairs = [
        (metrics.squared_scale(chunk, stops), metrics.absolute_scale(chunk, stops))
        for chunk in level.chunks(panel.units)
    ]
    squared, absolute = zip(*pairs, strict=True)
    return np.concatenate(squared), np.concatenate(absolute)
