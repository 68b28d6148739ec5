"""Writes a pack (see `pack`) from a vintage's forecasts, some hundred thousand rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import polars as pl

from retail_forecast.errors import RetailForecastError
from retail_forecast.serving.encoding import encode_series, rounded

FORMAT = 1
"""Changes with what a pack holds, so that an older one is not taken for it."""

SERIES, ANSWERS, DAYS, LEADS, SPREADS, VALUES = (
    "series.arrow",
    "answers.json",
    "days.i4",
    "leads.i2",
    "spreads.f4",
    "values.f8",
)
_ROWS_AT_ONCE = 250_000


class UnsoundVintageError(RetailForecastError):
    """A vintage whose parts do not fit together; it is not served."""


def write_pack(folder: Path, forecasts: Path, quantiles: tuple[float, ...]) -> None:
    """Fills the folder. Raises UnsoundVintageError for what cannot be served."""
    columns = ["mean", *(f"q{quantile:g}" for quantile in quantiles)]
    written = []
    with ExitStack() as stack:
        numbers = {name: stack.enter_context((folder / name).open("wb")) for name in (DAYS, LEADS, SPREADS, VALUES)}
        answers = stack.enter_context((folder / ANSWERS).open("wb"))
        for rows, series in _chunks(forecasts):
            rows = rows.with_columns(rounded(column) for column in columns)
            values = rows.select(columns).to_numpy(order="c")
            _check(values)
            numbers[DAYS].write(rows["date"].to_physical().to_numpy().tobytes())
            numbers[LEADS].write(rows["lead"].cast(pl.Int16).to_numpy().tobytes())
            numbers[SPREADS].write(rows["spread"].cast(pl.Float32).to_numpy().tobytes())
            numbers[VALUES].write(values.tobytes())
            texts = encode_series(rows, series, quantiles)
            answers.write(b"".join(texts))
            written.append(series.with_columns(bytes=pl.Series([len(text) for text in texts], dtype=pl.Int64)))
    if not written:
        raise UnsoundVintageError("The vintage has no forecasts. Publish it again.")
    pl.concat(written).write_ipc(folder / SERIES)


def _chunks(forecasts: Path) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """(rows, one row per series: store_id, item_id, basis, rows), with every series whole."""
    source, at = pl.scan_parquet(forecasts), 0
    height = source.select(pl.len()).collect().item()
    while at < height:
        rows = source.slice(at, _ROWS_AT_ONCE).collect()
        key = pl.struct("store_id", "item_id")
        series = rows.group_by(run=key.rle_id(), maintain_order=True).agg(
            pl.col("store_id", "item_id", "basis").first(), rows=pl.len().cast(pl.Int64)
        )
        if at + rows.height < height:  # the last one may go on
            series = series.head(-1)
            rows = rows.head(int(series["rows"].sum()))
        if rows.is_empty():
            raise UnsoundVintageError(f"One series has more than {_ROWS_AT_ONCE:,} forecasts. Publish them again.")
        at += rows.height
        yield rows, series.drop("run").with_columns(pl.col("basis").cast(pl.String))


def _check(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> None:
    if not np.isfinite(values).all() or (np.diff(values[:, 1:], axis=1) < 0).any():
        raise UnsoundVintageError("The vintage has forecasts that are no numbers, or crossing quantiles.")
