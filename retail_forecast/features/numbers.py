"""Every number of every row, block by block of series."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
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

_BLOCK = 32  # series at a time: their matrices stay in the processor's cache
_Shared = list[tuple[NDArray[np.int32], list[tuple[Column, Feature]]]]


def compute_numbers(sources: Sources, rows: Rows, wanted: Collection[str]) -> dict[str, Feature]:
    """The features in `wanted` that are worked out, and `units_sold`: one value per row, NaN where it is unknown.

    As many blocks at a time as Polars has threads.
    """
    relative = sources.relative()
    shared = [
        (of, [(c, c.compute()) for c in columns if c.name in wanted]) for of, columns in _shared(sources, relative)
    ]
    names = [column.name for column in _own(sources, relative, slice(0, 1))]
    names += [column.name for _, columns in shared for column, _ in columns]
    made = {name: np.empty(rows.ends[-1], dtype=np.float32) for name in names if name in wanted}

    def fill(start: int) -> None:
        series = slice(start, start + _BLOCK)
        for column in _own(sources, relative, series):
            if column.name in made:
                rows.write(column.view.spread(column.compute()), made[column.name], start)
        for of_series, columns in shared:
            for column, values in columns:
                rows.write(column.view.spread(values[of_series[series]]), made[column.name], start)

    with ThreadPoolExecutor(pl.thread_pool_size()) as threads:
        list(threads.map(fill, range(0, sources.series.height, _BLOCK)))
    return made


def _own(sources: Sources, relative: Mapping[str, Feature], series: slice) -> Iterator[Column]:
    """Of each series of a block by itself."""
    timeline, units = sources.timeline, sources.units(series)
    yield Column("units_sold", timeline.every, partial(at_periods, units.sold, timeline.rows))
    yield from sales_columns(units, timeline)
    yield smoothing_column(units, timeline)
    for name, values in relative.items():
        yield from reference_columns(values[series], name, timeline)


def _shared(sources: Sources, relative: Mapping[str, Feature]) -> Iterator[tuple[NDArray[np.int32], list[Column]]]:
    """Of stores, groups and everything: which of them each series belongs to, and their features."""
    timeline, units = sources.timeline, cache(sources.units)
    yield np.zeros(sources.series.height, dtype=np.int32), list(_calendar(timeline))
    for level in sources.spec.levels:
        groups = group_series(sources.series, level)
        prices = [level_reference(values, name, sources.born, groups, timeline) for name, values in relative.items()]
        yield groups.of_series, [*level_columns(units, groups, timeline), *prices]
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
