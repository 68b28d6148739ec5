"""The tables of Glue's catalogue are those of the lake: same columns, same types, same order."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from retail_forecast.ingest.shop import shop_dataset
from retail_forecast.pipeline.athena import describe_tables
from retail_forecast.schemas import forecast_schema, level_forecast_schema, schema_for
from retail_forecast_tests.infra.planned import Resource, planned
from retail_forecast_tests.infra.terraform import SOURCE

SHOP = shop_dataset(date(2024, 1, 1), horizon=28)
SCHEMAS = {name: schema_for(SHOP, name) for name in SHOP.tables} | {
    "forecasts": forecast_schema(SHOP),
    "level_forecasts": level_forecast_schema(SHOP),
}
TYPES = {
    pl.String: "string",
    pl.Enum: "string",
    pl.Date: "date",
    pl.Float32: "float",
    pl.Int16: "smallint",
    pl.Boolean: "boolean",
}


def tables() -> dict[str, Resource]:
    return {table["name"]: table for table in planned("aws_glue_catalog_table").values()}


def test_the_description_that_terraform_reads_is_the_present_one_of_the_made_up_shop() -> None:
    assert (SOURCE / "datasets" / "corner-shop.json").read_text(encoding="utf-8") == describe_tables(SHOP)


def test_every_table_of_the_lake_is_in_the_catalogue() -> None:
    assert tables().keys() == SCHEMAS.keys()


@pytest.mark.parametrize("name", SCHEMAS)
def test_columns_are_those_of_the_schema_in_its_order(name: str) -> None:
    (storage,) = tables()[name]["storage_descriptor"]
    expected = [(column.replace(".", "_"), TYPES[type(spec.dtype)]) for column, spec in SCHEMAS[name].columns().items()]
    assert [(column["name"], column["type"]) for column in storage["columns"]] == expected


def test_tables_are_read_through_their_symlinks_and_by_place() -> None:
    for name, table in tables().items():
        (storage,) = table["storage_descriptor"]
        assert storage["location"].endswith(f"/lake/athena/{name}/")
        assert storage["input_format"] == "org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat"
        assert storage["ser_de_info"][0]["parameters"] == {"parquet.column.index.access": "true"}


def test_sales_alone_are_partitioned_and_their_periods_projected() -> None:
    partitions = {name: [key["name"] for key in table["partition_keys"]] for name, table in tables().items()}
    assert {name: keys for name, keys in partitions.items() if keys} == {"sales": ["period"]}
    parameters = tables()["sales"]["parameters"]
    assert parameters["projection.period.range"] == "2024-01-01,NOW+1DAYS"
    assert parameters["storage.location.template"].endswith("/lake/athena/sales/period=${period}/")
