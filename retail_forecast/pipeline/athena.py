"""The tables of the lake as Athena is told of them: statements that create them in Glue's catalog, or a description.

The description is what Terraform makes the catalog from: JSON, in which columns keep the order that they are read in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field

import dataframely as dy
import polars as pl

from retail_forecast.dataset import Dataset
from retail_forecast.errors import ConfigurationError
from retail_forecast.lake.symlinks import FOLDER, PARTITION
from retail_forecast.schemas import forecast_schema, level_forecast_schema, schema_for

_TYPES: Mapping[type[pl.DataType], str] = {
    pl.String: "string",
    pl.Enum: "string",
    pl.Date: "date",
    pl.Float32: "float",
    pl.Float64: "double",
    pl.Int16: "smallint",
    pl.Int64: "bigint",
    pl.Boolean: "boolean",
}
_TABLE = """\
CREATE EXTERNAL TABLE IF NOT EXISTS `{database}`.`{name}` (
  {columns}
)
{partitioned}ROW FORMAT SERDE 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe'
WITH SERDEPROPERTIES ('parquet.column.index.access' = 'true')
STORED AS INPUTFORMAT 'org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION '{location}'{properties};
"""


@dataclass(frozen=True)
class AthenaTable:
    """One table: its columns in the order of the files, and its folder below the lake.

    Sales are partitioned by `period`, which Athena works out by itself (partition projection): nothing has to be told
    when a day is published. Columns are read by their place in the files, as the catalog allows no dot in a name: the
    quantile q0.05 is q0_05.
    """

    name: str
    folder: str
    columns: tuple[Mapping[str, str], ...]
    partition: str | None = None
    projection: Mapping[str, str] = field(default_factory=dict)


def athena_tables(dataset: Dataset) -> list[AthenaTable]:
    """Each delivered table, and the forecasts of the vintage in force."""
    schemas = {name: schema_for(dataset, name) for name in dataset.tables}
    schemas |= {"forecasts": forecast_schema(dataset), "level_forecasts": level_forecast_schema(dataset)}
    return [_table(dataset, name, schema) for name, schema in schemas.items()]


def describe_tables(dataset: Dataset) -> str:
    """What Terraform has to know of a dataset, as JSON: its name and its tables."""
    tables = [asdict(table) for table in athena_tables(dataset)]
    return json.dumps({"dataset": dataset.name, "tables": tables}, indent=2) + "\n"


def athena_statements(dataset: Dataset, lake_url: str, database: str) -> Iterator[str]:
    """CREATE EXTERNAL TABLE for each table. Raises ConfigurationError for a lake that is not on S3."""
    if not lake_url.startswith("s3://"):
        expected = "a lake on S3, such as s3://bucket/lake: Athena reads nothing else"
        raise ConfigurationError(key="RETAIL_FORECAST_LAKE_URL", found=lake_url, expected=expected)
    for table in athena_tables(dataset):
        location = f"{lake_url.rstrip('/')}/{table.folder}/"
        yield _TABLE.format(
            database=database,
            name=table.name,
            columns=",\n  ".join(f"`{column['name']}` {column['type']}" for column in table.columns),
            partitioned=f"PARTITIONED BY (`{table.partition}` string)\n" if table.partition else "",
            location=location,
            properties=_properties(table, location),
        )


def _table(dataset: Dataset, name: str, schema: type[dy.Schema]) -> AthenaTable:
    columns = tuple(
        {"name": column_name.replace(".", "_"), "type": _TYPES[type(column.dtype)]}
        for column_name, column in schema.columns().items()
    )
    if name != "sales":
        return AthenaTable(name, f"{FOLDER}/{name}", columns)
    return AthenaTable(name, f"{FOLDER}/{name}", columns, PARTITION, _projection(dataset))


def _projection(dataset: Dataset) -> dict[str, str]:
    """Periods from the dataset's start; to its end, or to tomorrow as UTC counts, for zones that are ahead."""
    end = dataset.end_date.isoformat() if dataset.end_date is not None else "NOW+1DAYS"
    return {
        "projection.enabled": "true",
        f"projection.{PARTITION}.type": "date",
        f"projection.{PARTITION}.format": "yyyy-MM-dd",
        f"projection.{PARTITION}.range": f"{dataset.start_date.isoformat()},{end}",
        f"projection.{PARTITION}.interval": str(dataset.period_days),
        f"projection.{PARTITION}.interval.unit": "DAYS",
    }


def _properties(table: AthenaTable, location: str) -> str:
    if table.partition is None:
        return ""
    template = f"{location}{table.partition}=${{{table.partition}}}/"
    properties = {**table.projection, "storage.location.template": template}
    lines = ",\n  ".join(f"'{key}' = '{value}'" for key, value in properties.items())
    return f"\nTBLPROPERTIES (\n  {lines}\n)"
