"""What the UI shows beside an asset: its columns, its rows, what it was made of."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import dataframely as dy
import polars as pl
import polars.selectors as cs

from retail_forecast.lake.tables import Part, Published
from retail_forecast.settings import Settings

_SHOWN = 20


def column_schema(schema: type[dy.Schema]) -> dict[str, dg.TableSchema]:
    """The columns of a table at rest, under Dagster's key."""
    columns = [
        dg.TableColumn(
            name,
            str(column.dtype),
            constraints=dg.TableColumnConstraints(nullable=column.nullable, other=_rules(column)),
        )
        for name, column in schema.columns().items()
    ]
    return {"dagster/column_schema": dg.TableSchema(columns)}


def table_metadata(published: Published) -> dict[str, Any]:
    """What to show of a table after a publication."""
    manifest = published.manifest
    return {
        "dagster/row_count": manifest.rows,
        "partitions": len(manifest.parts),
        "changed": len(published.changed),
        "manifest version": manifest.version,
        "content": manifest.digest[:16],
    }


def part_metadata(part: Part) -> dict[str, Any]:
    """What to show of one partition."""
    shown = {"dagster/partition_row_count": part.rows, "objects": [one.object for one in part.inputs]}
    if (units := part.stats.get("units_sold_total")) is not None:
        shown["units sold"] = float(units)
    return shown


def markdown_table(rows: Mapping[str, object], header: tuple[str, str]) -> dg.MarkdownMetadataValue:
    """Two columns as a Markdown table."""
    lines = [f"| {header[0]} | {header[1]} |", "|---|---|", *(f"| {name} | {text} |" for name, text in rows.items())]
    return dg.MetadataValue.md("\n".join(lines))


def _rules(column: dy.Column) -> list[str]:
    rules = ["part of the key"] if column.primary_key else []
    low, high = getattr(column, "min", None), getattr(column, "max", None)
    rules += [f"at least {low:g}"] if low is not None else []
    return rules + ([f"at most {high:g}"] if high is not None else [])


def frame_metadata(frame: pl.DataFrame) -> dict[str, Any]:
    """Columns and rows of a small result, and its first rows to look at."""
    columns = [dg.TableColumn(name, str(type_)) for name, type_ in frame.schema.items()]
    legible = frame.head(_SHOWN).with_columns(cs.float().round_sig_figs(5))
    head = legible.with_columns(pl.all().cast(pl.String).fill_null(""))
    records = [dg.TableRecord(row) for row in head.to_dicts()]
    shown = dg.MetadataValue.table(records, dg.TableSchema([dg.TableColumn(name) for name in frame.columns]))
    return {"dagster/column_schema": dg.TableSchema(columns), "dagster/row_count": frame.height, "first rows": shown}


def linked(info: Mapping[str, Any]) -> dict[str, Any]:
    """The values, with addresses as links."""
    is_link = {name: isinstance(value, str) and value.startswith("https://") for name, value in info.items()}
    return {name: dg.MetadataValue.url(value) if is_link[name] else value for name, value in info.items()}


def bullet_list(sentences: Sequence[str]) -> dg.MarkdownMetadataValue:
    """Sentences as a Markdown list."""
    return dg.MetadataValue.md("\n".join(f"- {sentence}" for sentence in sentences) or "none")


def policy_metadata(settings: Settings) -> dg.MarkdownMetadataValue:
    """What a change triggers, and which setting decides it."""
    return markdown_table(
        {
            "a new or corrected day of sales, or another table": "new forecasts with the present champion",
            "an identical re-delivery": "nothing",
            f"the last training is {settings.retrain_after_periods} periods old": "a training "
            "(RETAIL_FORECAST_RETRAIN_AFTER_PERIODS)",
            f"{settings.retrain_changed_share:.1%} of the trained rows changed": "a training "
            "(RETAIL_FORECAST_RETRAIN_CHANGED_SHARE)",
            f"the recent error is {settings.retrain_error_ratio:g} times the backtest's": "a training "
            "(RETAIL_FORECAST_RETRAIN_ERROR_RATIO)",
            "a challenger that passes the gate": f"it becomes champion (tolerance {settings.gate_tolerance:g}, "
            "RETAIL_FORECAST_GATE_TOLERANCE), and new forecasts follow",
        },
        ("when", "then"),
    )
