"""Features of a row that follow from the row alone; what-if reruns them with changed covariates."""

from __future__ import annotations

from typing import TypeVar

import polars as pl

from retail_forecast.features.spec import FeatureSpec, calendar_names, ratio_name, reference_names

Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)

_CALENDAR = {
    "week_of_year": pl.col("date").dt.week(),
    "month": pl.col("date").dt.month(),
    "weekday": pl.col("date").dt.weekday(),
    "day_of_month": pl.col("date").dt.day(),
}


def add_known_features(frame: Frame, spec: FeatureSpec) -> Frame:
    """The same rows with calendar features and known-future ratios worked out anew.

    Reads `date`, the known-future columns and their reference columns as of the rolling cutoff. Row-wise and
    idempotent: change `sell_price` and call it again. Distances to events stay as they were built.
    """
    return add_ratios(add_calendar(frame, spec), spec)


def add_calendar(frame: Frame, spec: FeatureSpec) -> Frame:
    """The same rows with what their `date` alone says."""
    return frame.with_columns(_CALENDAR[name].cast(pl.Float32).alias(name) for name in calendar_names(spec))


def add_ratios(frame: Frame, spec: FeatureSpec) -> Frame:
    """The same rows with their relative columns over the references that the frame has."""
    return frame.with_columns(
        _ratio(column, reference).alias(ratio_name(column, reference))
        for column in spec.relative
        for reference in reference_names(column, spec)
    )


def _ratio(column: str, reference: str) -> pl.Expr:
    """A ratio to nothing says nothing: null instead of infinity."""
    denominator = pl.col(reference)
    return pl.when(denominator != 0).then(pl.col(column) / denominator).cast(pl.Float32)
