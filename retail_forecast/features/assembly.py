"""From matrices of what is known to frames of rows, some series at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retail_forecast.features.columns import Rows, lay_out
from retail_forecast.features.known import add_ratios
from retail_forecast.features.lookup import Lookup
from retail_forecast.features.numbers import compute_numbers, compute_shared
from retail_forecast.features.sources import Sources
from retail_forecast.features.spec import categorical_features, event_names, feature_names, relative_names
from retail_forecast.features.timeline import Timeline, at_periods

_KEYS = ["store_id", "item_id"]
_CELLS = 2**17  # series times periods that are read and written at a time: what they need stays in the cache


def assemble(sources: Sources, only: Collection[str] | None = None) -> Iterator[pl.DataFrame]:
    """One row per series and period, sorted: the keys, units_sold and the features, or those of them in `only`.

    The rows of some series after the other, one part at least. As many parts are made ahead as Polars has threads.
    """
    spec = sources.spec
    features = [name for name in feature_names(spec) if name not in _KEYS and (only is None or name in only)]
    needed = {"units_sold", *features, *spec.relative, *(n for c in spec.relative for n in relative_names(c, spec))}
    described, known_ahead = _described(sources, needed), list(_known_ahead(sources, needed))
    shared, size = compute_shared(sources, needed), _series_at_a_time(sources.timeline)

    def part(start: int) -> pl.DataFrame:
        series = slice(start, start + size)
        rows = lay_out(sources.born[series], sources.timeline)
        frame = described[series][np.repeat(np.arange(len(rows.counts), dtype=np.uint32), rows.counts)]
        columns = [column for table in known_ahead for column in table.of(series, rows)]
        numbers = compute_numbers(sources, series, rows, needed, shared)
        frame = frame.hstack([_dates(sources, rows), *columns, *numbers])
        return (add_ratios(frame, spec) if spec.relative else frame)[[*_KEYS, "date", "units_sold", *features]]

    return _in_order(part, range(0, max(1, sources.series.height), size))


@dataclass(frozen=True)
class _Ahead:
    """What a table says of each row's own period: names of it, and the row of each entity and place, [E, P]."""

    lookup: Lookup
    names: list[str]
    rows: NDArray[np.int32]

    def of(self, series: slice, rows: Rows) -> pl.DataFrame:
        """One row for each of `rows`."""
        return self.lookup.gather(self.names, rows.of(self.rows[self.lookup.entity[series]]))


def _known_ahead(sources: Sources, needed: Collection[str]) -> Iterator[_Ahead]:
    """What the covariates say of periods ahead, and the distances to their events."""
    for table in sources.spec.covariates:
        lookup = sources.covariates[table.name]
        own = [*table.known_future, *(n for n in event_names(sources.spec) if n in lookup.values.columns)]
        names = [name for name in own if name in needed]
        yield _Ahead(lookup, names, at_periods(lookup.rows, sources.timeline.rows))


def _described(sources: Sources, needed: Collection[str]) -> pl.DataFrame:
    """The keys and attributes of each series."""
    text = categorical_features(sources.spec)
    attributes = [name for name in sources.spec.attributes if name in needed]
    kept = [pl.col(name) if name in text else pl.col(name).cast(pl.Float32) for name in attributes]
    return sources.series.select(*_KEYS, *kept)


def _series_at_a_time(timeline: Timeline) -> int:
    return max(1, _CELLS // (timeline.count + len(timeline.rows)))


def _dates(sources: Sources, rows: Rows) -> pl.Series:
    days = np.broadcast_to(sources.timeline.row_days, rows.there.shape)
    return pl.Series("date", rows.of(days)).cast(pl.Date)


def _in_order(make: Callable[[int], pl.DataFrame], starts: Iterable[int]) -> Iterator[pl.DataFrame]:
    """What is made of each start, on threads, a few ahead of who takes it."""
    count = pl.thread_pool_size()
    with ThreadPoolExecutor(count) as threads:
        begun: deque[Future[pl.DataFrame]] = deque()
        for start in starts:
            begun.append(threads.submit(make, start))
            if len(begun) > 2 * count:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
