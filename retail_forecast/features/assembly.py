"""From matrices of what is known to one frame of rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retail_forecast.features.columns import Rows, lay_out
from retail_forecast.features.known import add_ratios
from retail_forecast.features.numbers import compute_numbers
from retail_forecast.features.sources import Sources
from retail_forecast.features.spec import categorical_features, event_names, feature_names, relative_names

_KEYS = ["store_id", "item_id"]


def assemble(sources: Sources, only: Collection[str] | None = None) -> pl.DataFrame:
    """One row per series and period, sorted: the keys, units_sold and the features, or those of them in `only`."""
    spec, rows = sources.spec, lay_out(sources.born, sources.timeline)
    features = [name for name in feature_names(spec) if name not in _KEYS and (only is None or name in only)]
    needed = {"units_sold", *features, *spec.relative, *(n for c in spec.relative for n in relative_names(c, spec))}
    numbers = compute_numbers(sources, rows, needed)
    frame = pl.concat([_described(sources, rows, needed), *_known_ahead(sources, rows, needed)], how="horizontal")
    frame = frame.with_columns(pl.Series(name, values, nan_to_null=True) for name, values in numbers.items())
    return add_ratios(frame, spec).select(*_KEYS, "date", "units_sold", *features)


def _described(sources: Sources, rows: Rows, needed: Collection[str]) -> pl.DataFrame:
    """The keys, date and attributes of each row."""
    text = categorical_features(sources.spec)
    attributes = [name for name in sources.spec.attributes if name in needed]
    kept = [pl.col(name) if name in text else pl.col(name).cast(pl.Float32) for name in attributes]
    series = np.repeat(np.arange(sources.series.height, dtype=np.uint32), rows.counts)
    frame = sources.series.select(*_KEYS, *kept).select(pl.all().gather(pl.lit(pl.Series(series))))
    days = sources.timeline.dates.gather(sources.timeline.rows).to_physical().to_numpy()
    return frame.with_columns(
        date=pl.Series(_at_rows(np.broadcast_to(days, (len(rows.begin), len(days))), rows)).cast(pl.Date)
    )


def _known_ahead(sources: Sources, rows: Rows, needed: Collection[str]) -> Iterator[pl.DataFrame]:
    """What the covariates say of each row's own period, and the distances to their events."""
    for table in sources.spec.covariates:
        lookup = sources.covariates[table.name]
        own = [*table.known_future, *(n for n in event_names(sources.spec) if n in lookup.values.columns)]
        found = _at_rows(lookup.rows_of(sources.timeline.rows), rows)
        yield lookup.gather([name for name in own if name in needed], found)


def _at_rows(values: NDArray[np.int32], rows: Rows) -> NDArray[np.int32]:
    """[N, P] to one value per row."""
    made = np.empty(rows.ends[-1], dtype=np.int32)
    rows.write(values, made)
    return made
