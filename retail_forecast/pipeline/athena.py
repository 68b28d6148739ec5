"""The tables of the lake as Athena is told of them: statements that create them in Glue's catalog."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

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


def athena_statements(dataset: Dataset, lake_url: str, database: str) -> Iterator[str]:
    """CREATE EXTERNAL TABLE for each delivered table and for the forecasts of the vintage in force.

    Sales are partitioned by `period`, which Athena works out by itself (partition projection): nothing has to be told
    when a day is published. Columns are read by their place in the files, as the catalog allows no dot in a name: the
    quantile q0.05 is q0_05. Raises ConfigurationError for a lake that is not on S3.
    """
    if not lake_url.startswith("s3://"):
        expected = "a lake on S3, such as s3://bucket/lake: Athena reads nothing else"
        raise ConfigurationError(key="RETAIL_FORECAST_LAKE_URL", found=lake_url, expected=expected)
    schemas = {name: schema_for(dataset, name) for name in dataset.tables}
    schemas |= {"forecasts": forecast_schema(dataset), "level_forecasts": level_forecast_schema(dataset)}
    for name, schema in schemas.items():
        location = f"{lake_url.rstrip('/')}/{FOLDER}/{name}/"
        projection = _projection(dataset, location) if name == "sales" else {}
        yield _TABLE.format(
            database=database,
            name=name,
            columns=",\n  ".join(_columns(schema)),
            partitioned=f"PARTITIONED BY (`{PARTITION}` string)\n" if projection else "",
            location=location,
            properties=_properties(projection),
        )


def _columns(schema: type[dy.Schema]) -> Iterator[str]:
    for name, column in schema.columns().items():
        yield f"`{name.replace('.', '_')}` {_TYPES[type(column.dtype)]}"


def _projection(dataset: Dataset, location: str) -> dict[str, str]:
    """Periods from the dataset's start; to its end, or to tomorrow as UTC counts, for zones that are ahead."""
    end = dataset.end_date.isoformat() if dataset.end_date is not None else "NOW+1DAYS"
    return {
        "projection.enabled": "true",
        f"projection.{PARTITION}.type": "date",
        f"projection.{PARTITION}.format": "yyyy-MM-dd",
        f"projection.{PARTITION}.range": f"{dataset.start_date.isoformat()},{end}",
        f"projection.{PARTITION}.interval": str(dataset.period_days),
        f"projection.{PARTITION}.interval.unit": "DAYS",
        "storage.location.template": f"{location}{PARTITION}=${{{PARTITION}}}/",
    }


def _properties(projection: Mapping[str, str]) -> str:
    if not projection:
        return ""
    lines = ",\n  ".join(f"'{key}' = '{value}'" for key, value in projection.items())
    return f"\nTBLPROPERTIES (\n  {lines}\n)"
