"""Every number of every row."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache, partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retail_forecast.features.columns import Column, Rows
from retail_forecast.features.known import add_calendar
from retail_forecast.features.levels import group_series, level_columns
from retail_forecast.features.references import level_reference, past_column, reference_columns
from retail_forecast.features.sales import sales_columns
from retail_forecast.features.smoothing import smoothing_column
from retail_forecast.features.sources import Sources
from retail_forecast.features.spec import calendar_names
from retail_forecast.features.sums import Feature
from retail_forecast.features.timeline import Timeline, at_periods

Shared = list[tuple[NDArray[np.int32], list[tuple[Column, Feature]]]]


def compute_shared(sources: Sources, wanted: Collection[str]) -> Shared:
    """The features in `wanted` of stores, groups and everything, once for all of their series.

    Each with the entity that a series belongs to, [N], and values [E, U] of what rows look back to.
    """
    return [(of, [(c, c.compute()) for c in columns if c.name in wanted]) for of, columns in _shared(sources)]


def compute_numbers(
    sources: Sources, series: slice, rows: Rows, wanted: Collection[str], shared: Shared
) -> Iterator[pl.Series]:
    """The features in `wanted` that are worked out, and `units_sold`: one value per row, null where it is unknown.

    One after the other: the memory of one is used again for the next while it is in the processor's cache.
    """
    for column in _own(sources, series):
        if column.name in wanted:
            yield pl.Series(column.name, rows.of(column.view.spread(column.compute())), nan_to_null=True)
    for of_series, columns in shared:
        for column, values in columns:
            own = values[of_series[series]]
            yield pl.Series(column.name, rows.of(column.view.spread(own)), nan_to_null=True)


def _own(sources: Sources, series: slice) -> Iterator[Column]:
    """Of each series by itself."""
    timeline, units = sources.timeline, sources.units(series)
    yield Column("units_sold", timeline.every, partial(at_periods, units.sold, timeline.rows))
    yield from sales_columns(units, timeline)
    yield smoothing_column(units, timeline)
    for name, values in sources.relative.items():
        yield from reference_columns(values[series], name, timeline)


def _shared(sources: Sources) -> Iterator[tuple[NDArray[np.int32], list[Column]]]:
    """Of stores, groups and everything: which of them each series belongs to, and their features."""
    timeline, units = sources.timeline, cache(sources.units)
    yield np.zeros(sources.series.height, dtype=np.int32), list(_calendar(timeline))
    for level in sources.spec.levels:
        groups = group_series(sources.series, level)
        own, born = level_columns(units, groups, timeline), sources.born
        prices = (level_reference(values, name, born, groups, timeline) for name, values in sources.relative.items())
        yield groups.of_series, [*own, *prices]
    for lookup, kinds in [
        (sources.sales, sources.spec.sales_values),
        *((sources.covariates[table.name], table.past) for table in sources.spec.covariates),
    ]:
        yield lookup.entity, [past_column(lookup, name, timeline) for name, kind in kinds.items() if kind != "category"]


def _calendar(timeline: Timeline) -> Iterator[Column]:
    """What the date and the rolling cutoff alone say."""
    dates = add_calendar(pl.DataFrame(timeline.dates.gather(timeline.rows)), timeline.spec)
    for name in calendar_names(timeline.spec):
        yield Column(name, timeline.every, partial(np.reshape, dates[name].to_numpy(), (1, -1)))
    yield Column("lead", timeline.every, partial(np.reshape, timeline.lead.astype(np.float32), (1, -1)))
