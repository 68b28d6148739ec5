"""Published forecasts as they are sent: one series or many, as JSON, as lines of JSON, or as Arrow."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import polars as pl

from retail_forecast.serving.encoding import compact_json
from retail_forecast.serving.table import ForecastTable, Series

ANSWER_FORMAT = 1
"""Part of the ETag: changes when the same forecasts are written in another way."""

_SERIES_PER_PIECE = 50  # some 250 kB


@dataclass(frozen=True)
class PublishedAnswers:
    """The answers from one vintage. provenance: what each of them carries."""

    provenance: dict[str, str]
    table: ForecastTable

    @cached_property
    def head(self) -> bytes:
        """The provenance, open for what follows it."""
        return compact_json(self.provenance).encode()[:-1] + b","

    @cached_property
    def etag(self) -> str:
        """The same for all answers of a vintage, which never change; weak, as it holds for every content coding."""
        return f'W/"{self.provenance["vintage"]}.{ANSWER_FORMAT}"'

    def one(self, position: int) -> bytes:
        """A contracts.ForecastAnswer, of the series at that position of the table's `spans`."""
        return b"".join((self.head, memoryview(self.table.answers[position])[1:]))

    def many(self, series: Sequence[Series]) -> bytes:
        """A contracts.BatchAnswer."""
        positions = [self.table.spans.find(*key) for key in series]
        found = b",".join(self.table.answers[position] for position in positions if position is not None)
        unknown = [_named(key) for key, position in zip(series, positions, strict=True) if position is None]
        tail = compact_json(unknown).encode()
        return b"".join((self.head, b'"series":[', found, b'],"unknown":', tail, b"}"))

    def lines(self, series: Sequence[Series]) -> Iterator[bytes]:
        """NDJSON in pieces: a line per series, in the order asked; what is unknown is a line with "unknown": true."""
        for start in range(0, len(series), _SERIES_PER_PIECE):
            yield b"".join(self._line(key) for key in series[start : start + _SERIES_PER_PIECE])

    def _line(self, key: Series) -> bytes:
        position = self.table.spans.find(*key)
        if position is not None:
            return self.one(position) + b"\n"
        return self.head + compact_json({**_named(key), "unknown": True}).encode()[1:] + b"\n"

    def arrow(self, series: Sequence[Series]) -> bytes:
        """An Arrow IPC stream: a row per series and period, in the order asked; of what is unknown one without numbers.

        Columns: vintage, model_version, cutoff, store_id, item_id, basis, date, lead, mean, q….
        """
        rows = [self._rows(key) for key in series]
        named = [pl.lit(self.provenance[name]).alias(name) for name in ("vintage", "model_version")]
        cutoff = pl.lit(date.fromisoformat(self.provenance["cutoff"])).alias("cutoff")
        frame = pl.concat(rows).select(*named, cutoff, pl.all())
        sink = io.BytesIO()
        frame.write_ipc_stream(sink, compat_level=pl.CompatLevel.oldest())
        return sink.getvalue()

    def _rows(self, key: Series) -> pl.DataFrame:
        table, position = self.table, self.table.spans.find(*key)
        first, last = table.spans[key] if position is not None else (0, 0)
        columns = ["mean", *(f"q{name}" for name in table.quantile_names)]
        numbers = pl.from_numpy(table.values[first:last], schema=columns, orient="row")
        numbers = numbers.with_columns(
            basis=pl.lit(table.basis(key)),
            date=pl.Series(table.dates.stored[first:last]).cast(pl.Date),
            lead=pl.Series(table.leads.stored[first:last]),
        )
        if position is None:
            numbers = numbers.clear(1)
        return numbers.select(store_id=pl.lit(key[0]), item_id=pl.lit(key[1]), **_kept(columns))


def _kept(columns: list[str]) -> dict[str, pl.Expr]:
    return {name: pl.col(name) for name in ("basis", "date", "lead", *columns)}


def _named(series: Series) -> dict[str, str]:
    return {"store_id": series[0], "item_id": series[1]}
