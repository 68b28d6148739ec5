"""When each series first sold. A time that is over need be read once: publishers keep its answer until it is corrected.

`releases/<year or month>/<digest>.parquet` has one row per series that sold then; the digest is of the parts of sales.
Past years stand as years, past months of the last year as months, and the last month is read anew.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import groupby

import polars as pl

from retail_forecast.dataset import SERIES
from retail_forecast.errors import NotFoundError
from retail_forecast.features import first_sales
from retail_forecast.lake.tables import Lake, Part, digest_of

FOLDER = "releases"


def read_first_sales(lake: Lake, parts: Sequence[Part], *, code: str, keep: bool) -> pl.DataFrame:
    """One row per series that sold in these parts of sales: store_id, item_id, `release`; sorted by series.

    parts: one at least, in the order of time. `code` names the code that is asked: what other code found is not used.
    The month of the last part is always read: it may go on. keep: write down what was found of the times before, which
    needs credentials to write; without it this only reads.
    """
    last = parts[-1].partition

    def time_of(part: Part) -> str:
        return part.partition[: 4 if part.partition[:4] < last[:4] else 7]

    *past, (_, present) = [(time, list(group)) for time, group in groupby(parts, time_of)]
    known = [_read_past(lake, time, group, code, keep) for time, group in past]
    found = pl.concat([*known, _find(lake, present)])
    return found.group_by(SERIES).agg(pl.col("release").min()).sort(SERIES)


def _read_past(lake: Lake, time: str, parts: Sequence[Part], code: str, keep: bool) -> pl.DataFrame:
    path = f"{FOLDER}/{time}/{digest_of([code, *(part.sha256 for part in parts)])}.parquet"
    try:
        return pl.read_parquet(io.BytesIO(lake.store.read(path)))
    except NotFoundError:
        found = _find(lake, parts)
    if keep:
        _keep(lake, time, path, found)
    return found


def _keep(lake: Lake, time: str, path: str, found: pl.DataFrame) -> None:
    for outdated in list(lake.store.list(f"{FOLDER}/{time}")):
        lake.store.delete(outdated.path)
    sink = io.BytesIO()
    found.write_parquet(sink)
    lake.store.write(path, sink.getvalue())


def _find(lake: Lake, parts: Sequence[Part]) -> pl.DataFrame:
    sales = lake.store.scan_parquet([part.path for part in parts])
    return first_sales(sales).collect(engine="streaming")
