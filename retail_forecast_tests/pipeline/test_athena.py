"""What Athena would read by the statements that are printed: exactly the published rows."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from retail_forecast.dataset import Dataset
from retail_forecast.emulator import Cloud
from retail_forecast.errors import ConfigurationError
from retail_forecast.lake import Lake, open_lake
from retail_forecast.lake.symlinks import symlink_path
from retail_forecast.lake.tables import WHOLE, NewPart
from retail_forecast.lake.vintages import put_in_force
from retail_forecast.pipeline.athena import athena_statements, describe_tables
from retail_forecast_tests.pipeline.small_lake import START, publish_constant_vintage, publish_days, small_dataset

TYPES = {"string": pl.String, "date": pl.Date, "float": pl.Float32, "smallint": pl.Int16, "boolean": pl.Boolean}


class Athena:
    """Reads a table as the statement says: projected partitions, symlinks, columns by their place."""

    def __init__(self, lake: Lake, dataset: Dataset, table: str) -> None:
        self.lake = lake
        statements = athena_statements(dataset, lake.store.url, "db")
        (self.ddl,) = [one for one in statements if f"`db`.`{table}`" in one]
        self.columns = re.findall(r"^  `(\w+)` (\w+),?$", self.ddl, re.MULTILINE)

    def locations(self) -> list[str]:
        found = dict(re.findall(r"'([\w.]+)' = '([^']*)'", self.ddl))
        if "storage.location.template" not in found:
            return re.findall(r"LOCATION '([^']*)'", self.ddl)
        first, last = found["projection.period.range"].split(",")
        end = date.today() + timedelta(days=1) if last == "NOW+1DAYS" else date.fromisoformat(last)  # noqa: DTZ011
        step, day, days = int(found["projection.period.interval"]), date.fromisoformat(first), []
        while day <= end:
            days.append(found["storage.location.template"].replace("${period}", day.isoformat()))
            day += timedelta(days=step)
        return days

    def read(self) -> pl.DataFrame:
        base, present = self.lake.store.url, {info.path for info in self.lake.store.list("athena")}
        texts = [f"{one}symlink.txt".removeprefix(f"{base}/") for one in self.locations()]
        named = [self.lake.store.read(text).decode().split() for text in texts if text in present]
        files = [url.removeprefix(f"{base}/") for urls in named for url in urls]
        rows = pl.concat([self.lake.store.read_parquet([file]) for file in files])
        return rows.rename(dict(zip(rows.columns, [name for name, _ in self.columns], strict=True)))


@pytest.fixture
def lake(aws_cloud: Cloud) -> Lake:
    return open_lake(f"s3://{aws_cloud.new_bucket()}/lake")


def present(lake: Lake, table: str) -> pl.DataFrame:
    scan = lake.table(table).scan()
    assert scan is not None
    return scan.collect()


def test_sales_are_the_parts_of_the_manifest_and_no_older_ones(lake: Lake) -> None:
    publish_days(lake, {"a": [1, 2, 3]})
    publish_days(lake, {"a": [7, 2]})
    lake.table("sales").publish({}, remove=[str(START + timedelta(days=2))])
    athena = Athena(lake, small_dataset(), "sales")
    assert athena.read()["units_sold"].to_list() == [7, 2]
    assert_frame_equal(athena.read(), present(lake, "sales"))


def test_the_columns_have_the_types_of_the_files(lake: Lake) -> None:
    publish_days(lake, {"a": [1]})
    athena = Athena(lake, small_dataset(), "sales")
    types = dict(athena.read().schema)
    assert {name: TYPES[athena_type] for name, athena_type in athena.columns} == types


def test_weeks_are_projected_from_the_first_week(lake: Lake) -> None:
    dataset = small_dataset(frequency="1w", end_date=START + timedelta(days=70))
    athena = Athena(lake, dataset, "sales")
    assert [one[-11:-1] for one in athena.locations()[:3]] == ["2024-01-01", "2024-01-08", "2024-01-15"]
    assert len(athena.locations()) == 11


def test_a_table_without_partitions_is_one_file(lake: Lake) -> None:
    tables = {"sales": {}, "prices": {"values": {"sell_price": "float"}}}
    for price in (1.0, 2.0):
        key = {"store_id": ["s"], "item_id": ["a"], "date": [START]}
        rows = pl.DataFrame({**key, "sell_price": [price]}, schema_overrides={"sell_price": pl.Float32})
        lake.table("prices").publish({WHOLE: NewPart(rows)})
    assert Athena(lake, small_dataset(tables=tables), "prices").read()["sell_price"].to_list() == [2.0]


def test_forecasts_are_those_of_the_vintage_in_force(lake: Lake, tmp_path: Path) -> None:
    publish_constant_vintage(lake, tmp_path, START, {"a": 1}, id="v1")
    publish_constant_vintage(lake, tmp_path, START, {"a": 2}, id="v2")
    link = symlink_path("forecasts", None)
    assert lake.store.read(link).decode() == f"{lake.store.url}/vintages/v2/forecasts.parquet\n"
    put_in_force(lake, "v1")
    assert lake.store.read(link).decode() == f"{lake.store.url}/vintages/v1/forecasts.parquet\n"


def test_quantiles_have_names_that_the_catalog_takes(lake: Lake) -> None:
    names = [name for name, _ in Athena(lake, small_dataset(), "forecasts").columns]
    assert names[3:6] == ["lead", "mean", "q0_05"]


def test_what_a_killed_writer_left_is_made_good_by_the_next_publication(lake: Lake) -> None:
    publish_days(lake, {"a": [1, 2]})
    lake.store.delete("athena/_state/sales.json")  # as after the first symlink of a publication
    lake.store.delete(symlink_path("sales", str(START)))
    publish_days(lake, {"a": [1, 2]})
    assert_frame_equal(Athena(lake, small_dataset(), "sales").read(), present(lake, "sales"))


def test_a_publication_of_one_day_writes_one_symlink(aws_cloud: Cloud, lake: Lake) -> None:
    publish_days(lake, {"a": [1, 2, 3]})
    before = {info.path: info.e_tag for info in lake.store.list("athena/sales")}
    publish_days(lake, {"a": [5]})
    after = {info.path: info.e_tag for info in lake.store.list("athena/sales")}
    assert [path for path in after if after[path] != before[path]] == [symlink_path("sales", str(START))]


def test_the_description_says_what_the_statements_say() -> None:
    dataset = small_dataset(quantiles=[0.05, 0.5])
    statements = list(athena_statements(dataset, "s3://bucket/lake", "db"))
    description = json.loads(describe_tables(dataset))
    assert description["dataset"] == dataset.name
    for table, ddl in zip(description["tables"], statements, strict=True):
        columns = [(one["name"], one["type"]) for one in table["columns"]]
        assert columns == re.findall(r"^  `(\w+)` (\w+),?$", ddl, re.MULTILINE)
        assert f"`db`.`{table['name']}`" in ddl
        assert f"LOCATION 's3://bucket/lake/{table['folder']}/'" in ddl
        assert all(f"'{key}' = '{value}'" in ddl for key, value in table["projection"].items())


def test_a_lake_in_a_folder_has_no_symlinks_and_no_statements(tmp_path: Path) -> None:
    lake = open_lake(tmp_path.as_uri())
    publish_days(lake, {"a": [1]})
    assert not (tmp_path / "athena").exists()
    with pytest.raises(ConfigurationError, match=r"RETAIL_FORECAST_LAKE_URL: .*a lake on S3"):
        list(athena_statements(small_dataset(), lake.store.url, "db"))
