"""Text becomes codes through a dictionary that is learned once and travels with the model."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from retail_forecast.features.spec import FeatureSpec, categorical_features

Categories = dict[str, list[str]]


def build_categories(frame: pl.DataFrame | pl.LazyFrame, spec: FeatureSpec) -> Categories:
    """The sorted values of every categorical feature; a value's position is its code."""
    columns = [pl.col(name).unique().drop_nulls().sort().implode() for name in categorical_features(spec)]
    values = frame.lazy().select(columns).collect()
    return {name: values[name][0].to_list() for name in values.columns}


def encode_categories(frame: pl.DataFrame, categories: Mapping[str, list[str]]) -> pl.DataFrame:
    """The same rows with each categorical feature as a Float32 code, null when missing or never seen.

    `store_id` and `item_id` are categorical features too: take the keys before encoding.
    """
    return frame.with_columns(_codes(name, values) for name, values in categories.items())


def _codes(name: str, values: list[str]) -> pl.Expr:
    known = pl.Series(values, dtype=pl.String)
    codes = pl.Series(range(len(values)), dtype=pl.Float32)
    return pl.col(name).replace_strict(known, codes, default=None, return_dtype=pl.Float32)
