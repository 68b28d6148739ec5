"""What the UI shows beside an asset: its columns, its rows, what it was made of."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import dataframely as dy

from retail_forecast.lake.tables import Part, Published


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
