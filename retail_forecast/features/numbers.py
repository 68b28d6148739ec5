"""Every number of every row, block by block of series."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retail_forecast.features.columns import Column, Rows, Writer
from retail_forecast.features.known import add_calendar
from retail_forecast.features.levels import group_series, level_columns
from retail_forecast.features.references import level_reference, past_column, reference_columns
from retail_forecast.features.sales import sales_columns
from retail_forecast.features.smoothing import smoothing_column
from retail_forecast.features.sources import Sources
from retail_forecast.features.spec import calendar_names
from retail_forecast.features.sums import Feature
from retail_forecast.features.timeline import Timeline, rows_at

_BLOCK = 64  # series at a time: their matrices stay in the processor's cache
_Shared = list[tuple[NDArray[np.int32], list[tuple[Column, Feature]]]]


def compute_numbers(sources: Sources, rows: Rows, wanted: Collection[str]) -> dict[str, Feature]:
    """The features in `wanted` that are worked out, and `units_sold`: one value per row, NaN where it is unknown.

    As many blocks at a time as Polars has threads.
    """
    relative = sources.relative()
    shared = [
        (of, [(c, c.compute()) for c in columns if c.name in wanted]) for of, columns in _shared(sources, relative)
    ]
    names = [column.name for column in _own(sources, relative, 0, 1)]
    names += [column.name for _, columns in shared for column, _ in columns]
    made = {name: np.empty(len(rows.series), dtype=np.float32) for name in names if name in wanted}

    def fill(start: int) -> None:
        stop = min(start + _BLOCK, sources.series.height)
        part = rows.between(start, stop)
        own = Writer(rows, part, np.arange(-start, sources.series.height - start, dtype=np.int32))
        for column in _own(sources, relative, start, stop):
            if column.name in made:
                own.write(column.index, column.compute(), made[column.name])
        for of_series, columns in shared:
            writer = Writer(rows, part, of_series)
            for column, values in columns:
                writer.write(column.index, values, made[column.name])

    with ThreadPoolExecutor(pl.thread_pool_size()) as threads:
        list(threads.map(fill, range(0, sources.series.height, _BLOCK)))
    return made


def _own(sources: Sources, relative: Mapping[str, Feature], start: int, stop: int) -> Iterator[Column]:
    """Of each series of a block by itself."""
    timeline, units = sources.timeline, sources.units.block(start, stop)
    yield Column("units_sold", timeline.every, partial(rows_at, units.sold, timeline.rows))
    yield from sales_columns(units, timeline)
    yield smoothing_column(units, timeline)
    for name, values in relative.items():
        yield from reference_columns(np.ascontiguousarray(values[:, start:stop]), name, timeline)


def _shared(sources: Sources, relative: Mapping[str, Feature]) -> Iterator[tuple[NDArray[np.int32], list[Column]]]:
    """Of stores, groups and everything: which of them each series belongs to, and their features."""
    timeline, units = sources.timeline, sources.units
    yield np.zeros(sources.series.height, dtype=np.int32), list(_calendar(timeline))
    for level in sources.spec.levels:
        groups = group_series(sources.series, level)
        prices = [level_reference(values, name, units.born, groups, timeline) for name, values in relative.items()]
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
        yield Column(name, timeline.every, partial(np.reshape, dates[name].to_numpy(), (-1, 1)))
    yield Column("lead", timeline.every, partial(np.reshape, timeline.lead.astype(np.float32), (-1, 1)))
