"""Which series a group of the hierarchy is made of."""

from __future__ import annotations

import polars as pl

from retail_forecast.evaluation.hierarchy import SERIES, group_names, level_columns
from retail_forecast.serving.predictor import Predictor


def members_of(predictor: Predictor, level: str, group: str) -> pl.DataFrame:
    """One row per series of the group, sorted: store_id, item_id. Empty for a group that there is not."""
    columns = level_columns(level)
    wanted = [*SERIES, *(column for column in columns if column not in SERIES)]
    described = predictor.scenarios.select(wanted).unique().collect()
    return described.filter(group_names(described, columns) == group).select(SERIES).sort(SERIES)
