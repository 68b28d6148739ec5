"""Forecasts as files for a spreadsheet: CSV, and Excel with real dates and numbers. No cell is ever a formula."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import polars as pl

from retail_forecast.serving.table import DECIMALS

FileFormat = Literal["csv", "xlsx"]
MEDIA_TYPES: Mapping[FileFormat, str] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_STARTS_A_FORMULA = r"^[=+\-@\t\r\n\x{ff1d}\x{ff0b}\x{ff0d}\x{ff20}]"  # the full-width forms count in some locales
_BYTE_ORDER_MARK = "\ufeff".encode()  # without it Excel reads UTF-8 as something else


def forecast_frame(key: Mapping[str, str], forecasts: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """One row per period: the columns of `key`, date, lead, mean, and a column per quantile such as q0.05."""
    rows = [
        {
            **key,
            "date": period["date"],
            "lead": period["lead"],
            "mean": period["mean"],
            **{f"q{name}": value for name, value in period["quantiles"].items()},
        }
        for period in forecasts
    ]
    return pl.DataFrame(rows).with_columns(pl.col("date").str.to_date(), pl.col("lead").cast(pl.Int32))


def csv_file(frame: pl.DataFrame, provenance: Mapping[str, str]) -> bytes:
    """The rows with where they come from; a text that a spreadsheet would compute is preceded by an apostrophe."""
    told = frame.with_columns(pl.lit(text).alias(name) for name, text in provenance.items())
    safe = told.with_columns(pl.col(pl.String).str.replace(_STARTS_A_FORMULA, "'${0}"))
    return _BYTE_ORDER_MARK + safe.write_csv(float_precision=DECIMALS).encode()


def excel_file(frame: pl.DataFrame, provenance: Mapping[str, str]) -> bytes:
    """A workbook: the rows on the first sheet, where they come from on the second. Texts stay texts."""
    from xlsxwriter import Workbook

    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
    origin = pl.DataFrame({"what": list(provenance), "value": list(provenance.values())})
    with Workbook(buffer, options) as workbook:
        frame.write_excel(
            workbook,
            "forecasts",
            dtype_formats={pl.Date: "yyyy-mm-dd", pl.Int32: "0", pl.Float64: "#,##0.00"},
            freeze_panes=(1, 0),
            autofit=True,
        )
        origin.write_excel(workbook, "origin", autofit=True)
    return buffer.getvalue()


def file_name(*parts: str, file_format: FileFormat) -> str:
    """A name that every system takes: other characters than letters, digits and ._- become a dash."""
    words = re.sub(r"[^0-9A-Za-z._-]+", "-", "-".join(parts)).strip("-.")
    return f"{words[:120]}.{file_format}"
