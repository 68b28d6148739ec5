"""Rules that the rows of a drop obey. The first culprit is named by its row (the header is not counted)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta

import polars as pl

from retail_forecast.dataset import Dataset
from retail_forecast.errors import BadDropError
from retail_forecast.schemas import is_rising

_PLAN_AHEAD = timedelta(days=5 * 366)
_VALID_BEFORE_START = timedelta(days=10 * 366)


def check_rows(
    frame: pl.DataFrame,
    path: str,
    table: str,
    dataset: Dataset,
    *,
    known_stores: Collection[str] | None,
    today: date | None,
) -> pl.DataFrame:
    """The rows sorted by the table's keys, with the policy on negative units applied. Raises BadDropError."""
    spec = dataset.table(table)
    for key in spec.keys:
        _refuse(frame, frame[key].is_null(), path, key, "is missing", f"Every row needs {', '.join(spec.keys)}.")
    if "date" in spec.keys:
        _check_dates(frame, path, table, dataset, today or datetime.now(UTC).date())
    if table == "sales":
        frame = _check_units(frame, path, dataset)
    if known_stores is not None and "store_id" in spec.keys and spec.kind == "covariates":
        _check_stores(frame, path, known_stores)
    return _check_duplicates(frame, path, list(spec.keys), once=table != "sales")


def _refuse(frame: pl.DataFrame, wrong: pl.Series, path: str, column: str, what: str, fix: str) -> None:
    if not wrong.any():
        return
    row = wrong.arg_max() or 0
    value = frame[column][row]
    found = "" if value is None else f" {value}"
    raise BadDropError(
        object=path, reason=f"{column}{found} in row {row + 1} {what} ({wrong.sum():,} such rows).", fix=fix
    )


def _check_dates(frame: pl.DataFrame, path: str, table: str, dataset: Dataset, today: date) -> None:
    day, spec = frame["date"], dataset.table(table)
    first = dataset.start_date - (_VALID_BEFORE_START if spec.carry_forward else timedelta(0))
    last = dataset.end_date or today + _PLAN_AHEAD
    if table == "sales":
        last = min(last, today)
    _refuse(frame, day < first, path, "date", f"is before {first}", "Correct it, or set an earlier start_date.")
    limit = "end_date" if last == dataset.end_date else "today" if last == today else "any plan"
    _refuse(
        frame,
        day > last,
        path,
        "date",
        f"is after {limit}, {last}",
        "Correct the date or its csv.date_format.",
    )
    if dataset.period_days > 1 and not spec.carry_forward:
        off = (day - dataset.start_date).dt.total_days() % dataset.period_days != 0
        weekday = f"{dataset.start_date:%A}"
        fix = f"Weeks of this dataset start on {weekday}, as start_date {dataset.start_date} does."
        _refuse(frame, off, path, "date", f"is no {weekday}", fix)


def _check_units(frame: pl.DataFrame, path: str, dataset: Dataset) -> pl.DataFrame:
    units, policy = frame["units_sold"], dataset.policy
    _refuse(frame, units.is_null(), path, "units_sold", "is missing", "Write 0, or leave the row out.")
    fix = "If it is right, raise policy.max_units_sold in dataset.yaml."
    _refuse(frame, units > policy.max_units_sold, path, "units_sold", f"is above {policy.max_units_sold:g}", fix)
    if policy.negative_units == "reject":
        fix = "If these are returns, set policy.negative_units to clip_to_zero or keep in dataset.yaml."
        _refuse(frame, units < 0, path, "units_sold", "is negative", fix)
    least = -policy.max_units_sold
    _refuse(frame, units < least, path, "units_sold", f"is below {least:g}", "Correct it and deliver it again.")
    if policy.negative_units == "clip_to_zero":
        return frame.with_columns(pl.col("units_sold").clip(lower_bound=0))
    return frame


def _check_stores(frame: pl.DataFrame, path: str, known: Collection[str]) -> None:
    unknown = ~frame["store_id"].is_in(sorted(known))
    some = ", ".join(sorted(known)[:5]) + (", …" if len(known) > 5 else "")
    fix = f"Deliver the store in the table of stores first, or correct it; known are {some or 'none'}."
    _refuse(frame, unknown, path, "store_id", "is no known store", fix)


def _check_duplicates(frame: pl.DataFrame, path: str, keys: list[str], *, once: bool) -> pl.DataFrame:
    """The rows sorted by the keys. Neighbours are compared; hashing whole keys would take far more memory.

    once: rows that say the same count once, as where a file has a row per item and the table one per store.
    """
    if is_rising(frame, keys):
        return frame
    values, frame = frame.columns, frame.with_row_index("row").sort([*keys, "row"])
    if once:
        frame = frame.filter(~_repeats(values))
    twice = frame.select(_repeats(keys)).to_series()
    if twice.any():
        culprit = frame.row(twice.arg_max() or 0, named=True)
        named = ", ".join(f"{key} {culprit[key]}" for key in keys)
        raise BadDropError(
            object=path,
            reason=f"Row {culprit['row'] + 1} repeats {named} ({twice.sum():,} such rows).",
            fix="Keep one row per key: add the units up, or remove the copy.",
        )
    return frame.drop("row")


def _repeats(columns: list[str]) -> pl.Expr:
    """Whether a row says in these columns what the row above it says."""
    same = [pl.col(name).eq_missing(pl.col(name).shift(1)) for name in columns]
    return pl.all_horizontal(same) & (pl.int_range(pl.len()) > 0)
