"""A feature table of two stores, made by hand, for models that only need some columns to learn from."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from retail_forecast.features import AttributeTable, FeatureSpec, categorical_features, feature_names

SPEC = FeatureSpec(
    frequency="1d", horizon=7, attribute_tables=(AttributeTable("items", ("item_id",), {"department": "category"}),)
)
CUTOFF = date(2024, 3, 1)
STORES, ITEMS = ("S1", "S2"), ("bread", "milk", "eggs")


def small_features(days: int = 60, *, seed: int = 0) -> pl.DataFrame:
    """One row per series and day, half of the days after CUTOFF; store S2 sells twice as much as S1."""
    random = np.random.default_rng(seed)
    dates = [CUTOFF + timedelta(days=i - days // 2) for i in range(days)]
    keys = [(store, item, day) for store in STORES for item in ITEMS for day in dates]
    frame = pl.DataFrame(keys, schema=["store_id", "item_id", "date"], orient="row")
    expected = [(4.0 + ITEMS.index(item) * 3) * (1 + (store == "S2")) for store, item, _ in keys]
    frame = frame.with_columns(units_sold=pl.Series(random.poisson(expected), dtype=pl.Float32))
    text = set(categorical_features(SPEC))
    numbers = [name for name in feature_names(SPEC) if name not in text]
    noise = {name: pl.Series(random.normal(size=len(keys)), dtype=pl.Float32) for name in numbers}
    return frame.with_columns(department=pl.lit("food"), **noise)
