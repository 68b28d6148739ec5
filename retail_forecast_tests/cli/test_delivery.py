from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from retail_forecast.cli import app
from retail_forecast.cli.console import ExitCode
from retail_forecast.errors import NotFoundError, RetailForecastError
from retail_forecast.lake import open_lake
from retail_forecast.lake.vintages import Vintage, publish_vintage

DATASET = "name: shop-of-ours  # a comment\nfrequency: 1d\nhorizon: 7\nstart_date: 2024-01-01\ntables: {sales: {}}\n"
GOOD = "store_id,item_id,date,units_sold\nnorth,tea,2024-01-01,3\n"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RETAIL_FORECAST_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def import_csv(folder: Path, *, dataset: str = DATASET, **texts: str) -> Result:
    (folder / "dataset.yaml").write_text(dataset)
    for name, text in texts.items():
        (folder / f"{name}.csv").write_text(text)
    files = [str(folder / f"{name}.csv") for name in texts]
    return CliRunner().invoke(app, ["import", "csv", *files, "--dataset", str(folder / "dataset.yaml")])


def test_a_good_file_lands_and_its_dataset_with_it(tmp_path: Path, home: Path) -> None:
    result = import_csv(tmp_path, monday=GOOD)
    assert result.exit_code == ExitCode.OK
    assert (home / "landing" / "sales" / "monday.csv").read_text() == GOOD
    assert (home / "dataset.yaml").read_text() == DATASET


def test_a_bad_file_is_named_and_the_good_one_lands(tmp_path: Path, home: Path) -> None:
    result = import_csv(tmp_path, bad=GOOD.replace(",", ";"), monday=GOOD)
    assert result.exit_code == ExitCode.DATA_REJECTED
    assert "bad.csv: The header" in result.output
    assert [path.name for path in (home / "landing" / "sales").iterdir()] == ["monday.csv"]


def test_a_home_holds_one_dataset(tmp_path: Path) -> None:
    import_csv(tmp_path, monday=GOOD)
    other = import_csv(tmp_path, dataset=DATASET.replace("shop-of-ours", "theirs"), monday=GOOD)
    assert isinstance(other.exception, RetailForecastError)
    assert "describes the dataset 'shop-of-ours'" in str(other.exception)
    assert "RETAIL_FORECAST_HOME=.retail-forecast-theirs" in str(other.exception)


def test_the_latest_forecasts_are_exported_without_bookkeeping_columns(tmp_path: Path, home: Path) -> None:
    publish(home)
    out = tmp_path / "made" / "out.parquet"
    result = CliRunner().invoke(app, ["export", "forecasts", "--out", str(out)])
    assert result.exit_code == ExitCode.OK
    assert pl.read_parquet(out).columns == ["store_id", "item_id", "date", "mean", "q0.1", "q0.9", "basis"]


def test_forecasts_of_a_level_are_exported_with_its_columns(tmp_path: Path, home: Path) -> None:
    publish(home)
    out = tmp_path / "levels.parquet"
    result = CliRunner().invoke(app, ["export", "forecasts", "--out", str(out), "--level", "store_id/department"])
    assert result.exit_code == ExitCode.OK
    expected = {"store_id": "north", "department": "hot/cold", "date": date(2024, 2, 1)}
    assert pl.read_parquet(out).to_dicts() == [{**expected, "mean": 2.0, "q0.1": 1.0, "q0.9": 4.0}]


def test_a_level_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path, home: Path) -> None:
    publish(home)
    result = CliRunner().invoke(app, ["export", "forecasts", "--out", str(tmp_path / "x"), "--level", "region"])
    assert isinstance(result.exception, NotFoundError)
    assert "store_id/department" in str(result.exception)


def test_status_names_tables_vintage_and_endpoint(tmp_path: Path, home: Path) -> None:
    import_csv(tmp_path, monday=GOOD)
    publish(home)
    result = CliRunner().invoke(app, ["status"])
    assert result.exit_code == ExitCode.OK
    for text in ("sales        not published yet", "vintage 2024-01-31-abc, 1 series", "none yet", "down;", "no files"):
        assert text in result.output


def publish(home: Path) -> None:
    keys = {"store_id": ["north"], "item_id": ["tea"], "date": [date(2024, 2, 1)]}
    values = {"lead": [1], "mean": [2.0], "q0.1": [1.0], "q0.9": [4.0]}
    frame = pl.DataFrame({**keys, **values, "basis": ["history"]})
    group = {"level": ["store_id/department"], "group": ["north/hot%2Fcold"], "date": keys["date"]}
    vintage = Vintage(
        id="2024-01-31-abc",
        dataset="shop-of-ours",
        frequency="1d",
        cutoff="2024-01-31",
        horizon=1,
        quantiles=(0.1, 0.9),
        model_version="1",
        model={},
        inputs={},
        fingerprint="abc",
        code_version="0",
        created_at="2024-02-01T00:00:00+00:00",
        rows=1,
        series=1,
        levels=("store_id/department",),
    )
    bundle = home / "bundle"
    bundle.mkdir(parents=True)
    publish_vintage(
        open_lake((home / "lake").as_uri()),
        vintage,
        frame,
        frame.select("store_id"),
        bundle,
        pl.DataFrame({**group, **values}),
    )
