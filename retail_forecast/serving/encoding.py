"""Forecasts as JSON, many series at once: answers are written when a vintage is loaded, not when they are asked for."""

from __future__ import annotations

import json

import polars as pl

DECIMALS = 4


def encode_series(rows: pl.DataFrame, series: pl.DataFrame, quantiles: tuple[float, ...]) -> list[bytes]:
    """One contracts.SeriesForecast per series.

    series: store_id, item_id, basis, rows (how many of `rows` are the series', in the same order).
    rows: date, lead, mean, q… (rounded to 4 decimals).
    """
    run = pl.repeat(0, 0, dtype=pl.Int64, eager=True)
    run = series.select(pl.int_range(pl.len()).repeat_by("rows").explode()).to_series() if series.height else run
    texts = rows.select(run=run, text=_period(quantiles)).group_by("run", maintain_order=True)
    periods = texts.agg(pl.col("text").str.join(","))["text"].to_list()
    keys = series.select("store_id", "item_id", pl.col("basis").cast(pl.String)).iter_rows(named=True)
    return [f'{_text(key)[:-1]},"forecasts":[{text}]}}'.encode() for key, text in zip(keys, periods, strict=True)]


def split_periods(answer: bytes) -> list[tuple[bytes, bytes]]:
    """(date and lead, estimate) of each period of an encoded contracts.SeriesForecast, without their brackets.

    Within a text of JSON a quote follows a backslash, so no name looks like what stands between.

    >>> split_periods(b'{"store_id":"S1","forecasts":[{"date":"2024-10-01","lead":1,"mean":1.5,"quantiles":{}}]}')
    [(b'"date":"2024-10-01","lead":1', b'"mean":1.5,"quantiles":{}')]
    """
    periods = answer.partition(b',"forecasts":[{')[2].removesuffix(b"}]}").split(b"},{")
    parts = (period.partition(b',"mean":') for period in periods)
    return [(when, b'"mean":' + estimate) for when, _, estimate in parts]


def rounded(column: str) -> pl.Expr:
    """The column as answers show it; no negative zero."""
    return pl.col(column).cast(pl.Float64).round(DECIMALS) + 0.0


def compact_json(value: object) -> str:
    """JSON without spaces, as every answer has it."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _text(key: dict[str, str]) -> str:
    return compact_json(key)


def _period(quantiles: tuple[float, ...]) -> pl.Expr:
    """One contracts.Period: Polars writes a Float64 in the shortest way that reads back the same, as JSON does."""
    pieces = [pl.lit('{"date":"'), pl.col("date").cast(pl.String), pl.lit('","lead":'), pl.col("lead").cast(pl.String)]
    pieces += [pl.lit(',"mean":'), pl.col("mean").cast(pl.String), pl.lit(',"quantiles":{')]
    for position, quantile in enumerate(quantiles):
        comma = "," if position else ""
        pieces += [pl.lit(f'{comma}"{quantile:g}":'), pl.col(f"q{quantile:g}").cast(pl.String)]
    return pl.concat_str([*pieces, pl.lit("}}")])
