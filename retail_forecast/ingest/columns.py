"""From one raw column to one of ours. Text that is no number, date or truth value refuses the file."""

from __future__ import annotations

import re
from datetime import time
from typing import NoReturn

import polars as pl

from retail_forecast.dataset import CsvFormat
from retail_forecast.errors import BadDropError

_TRUTH = {"1": True, "0": False, "true": True, "false": False, "yes": True, "no": False}
_TEXT = (pl.String, pl.Categorical, pl.Enum)
_PARSED = {"date": pl.Date, "float": pl.Float64, "integer": pl.Int64, "boolean": pl.Boolean}
_WANTED = {
    "key": "text or whole numbers",
    "category": "text",
    "float": "numbers with a decimal point",
    "integer": "whole numbers",
    "boolean": "1/0, true/false or yes/no",
}
_NOTHING = {"na", "n/a", "#n/a", "nan", "null", "none", "nil", "-", "?"}


def parse_column(raw: pl.Series, type_: str, form: CsvFormat, path: str) -> pl.Series:
    """The column as Date, String, Float64, Int64 or Boolean; missing stays missing.

    `type_`: date, key, category, float, integer or boolean. Raises BadDropError with the first culprit.
    """
    if raw.dtype in _TEXT:
        raw = raw.cast(pl.String).str.strip_chars()
        raw = raw.set(raw.is_in(["", *form.missing]), None)
        parsed = _parse_text(raw, type_, form.date_format)
    else:
        parsed = _parse_typed(raw, type_, path)
    if parsed.null_count() > raw.null_count() or (type_ == "float" and not parsed.is_finite().all()):
        _refuse(raw, parsed, type_, form.date_format, path)
    return parsed


def _parse_text(raw: pl.Series, type_: str, date_format: str) -> pl.Series:
    if type_ in ("key", "category"):
        return raw
    if type_ == "date" and re.search("%[HIRT]", date_format):
        return _midnights(raw.str.to_datetime(date_format, strict=False, exact=True))
    if type_ == "date":
        return raw.str.to_date(date_format, strict=False, exact=True)
    if type_ == "boolean":
        return raw.str.to_lowercase().replace_strict(_TRUTH, default=None, return_dtype=pl.Boolean)
    number = raw.cast(pl.Float64, strict=False)
    return number if type_ == "float" else _whole(number)


def _parse_typed(raw: pl.Series, type_: str, path: str) -> pl.Series:
    """Columns of a Parquet file that are not text."""
    kind = raw.dtype
    if kind == pl.Null:
        return raw.cast(_PARSED.get(type_, pl.String))
    if type_ == "date" and isinstance(kind, pl.Date):
        return raw
    if type_ == "date" and isinstance(kind, pl.Datetime):
        return _midnights(raw)
    if type_ in ("key", "category") and kind.is_integer():
        return raw.cast(pl.String)
    if type_ == "boolean" and kind == pl.Boolean:
        return raw
    if type_ == "integer" and kind.is_integer():
        return raw.cast(pl.Int64, strict=False)
    if type_ in ("float", "integer", "boolean") and kind.is_numeric():
        number = raw.cast(pl.Float64)
        if type_ == "boolean":
            return number.replace_strict({0.0: False, 1.0: True}, default=None, return_dtype=pl.Boolean)
        return number if type_ == "float" else _whole(number)
    raise BadDropError(
        object=path,
        reason=f"Column {raw.name!r} has the Parquet type {kind}; expected {_WANTED.get(type_, 'dates')}.",
        fix="Write it with that type and deliver it again.",
    )


def _midnights(moments: pl.Series) -> pl.Series:
    """Dates; null where there is a time of day: a row is a day or a week, and an hour would be lost."""
    return moments.set(moments.dt.time() != time(0), None).dt.date()


def _whole(number: pl.Series) -> pl.Series:
    return number.set(number != number.round(), None).cast(pl.Int64, strict=False)


def _refuse(raw: pl.Series, parsed: pl.Series, type_: str, date_format: str, path: str) -> NoReturn:
    wrong = raw.is_not_null() & parsed.is_null()
    if type_ == "float":
        wrong = wrong | parsed.is_not_null() & ~parsed.is_finite()
    row = wrong.arg_max() or 0
    value = raw[row]
    wanted = _WANTED.get(type_, f"dates written {date_format}")
    fix = "Correct the rows and deliver the file again."
    if isinstance(value, str) and value.lower() in _NOTHING:
        fix = f'If it stands for a missing value, say so in dataset.yaml: csv: {{missing: ["{value}"]}} of the table.'
    elif type_ == "date" and re.search(r"\d:\d\d", str(value)):
        fix = (
            "A row is a day or a week: add its hours up and write the date alone. Midnights need a date_format with %H."
        )
    elif type_ == "date":
        fix = "Correct the rows, or set csv.date_format of the table in dataset.yaml."
    elif isinstance(value, str) and re.fullmatch(r"-?[\d.]*,\d+", value):
        fix = "Write numbers with a decimal point and no thousands separator."
    raise BadDropError(
        object=path,
        reason=f"Column {raw.name!r} holds {value!r} in row {row + 1} ({wrong.sum():,} such rows); expected {wanted}.",
        fix=fix,
    )
