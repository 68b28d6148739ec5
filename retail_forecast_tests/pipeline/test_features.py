"""Training sets and forecast rows from a small lake: two stores, prices, one item that is new."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from retail_forecast.dataset import Dataset, parse_dataset
from retail_forecast.errors import ConfigurationError, NotFoundError
from retail_forecast.features import first_sales
from retail_forecast.lake import Lake, open_lake
from retail_forecast.lake.tables import NewPart
from retail_forecast.models import Recipe
from retail_forecast.pipeline.feature_sets import FeatureSet, group_stores, pool_path, read_feature_set
from retail_forecast.pipeline.features import build_training_features, forecast_features, known_future_shortfalls
from retail_forecast.pipeline.spec import feature_spec

START = date(2024, 1, 1)
DAYS = 40
CUTOFF = START + timedelta(days=DAYS - 1)
RECIPE = Recipe(window_periods=20, group_window_periods=20)
SERIES = [("A", "x", 0), ("A", "y", 30), ("B", "x", 0), ("C", "z", DAYS + 1)]


def dataset_of(**tables: object) -> Dataset:
    prices = {"values": {"sell_price": "float"}, "known_future": ["sell_price"], "carry_forward": True}
    plain = {"name": "two", "frequency": "1d", "start_date": START, "horizon": 4}
    return parse_dataset({**plain, "tables": {"sales": {}, "prices": prices, **tables}})


def day_of_sales(number: int) -> pl.DataFrame:
    """Store A sells x every third day and y from day 30; B sells x daily; C never sells z."""
    day = START + timedelta(days=number)
    units = [float(number % 3 == 0), float(number >= 30), 2.0, 0.0]
    rows = [(store, item, day, sold) for (store, item, _), sold in zip(SERIES, units, strict=True)]
    schema = {"store_id": pl.String, "item_id": pl.String, "date": pl.Date, "units_sold": pl.Float32}
    return pl.DataFrame(rows, schema=schema, orient="row")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = open_lake((tmp_path / "lake").as_uri())
    days = {(START + timedelta(days=n)).isoformat(): NewPart(day_of_sales(n)) for n in range(DAYS)}
    lake.table("sales").publish(days)
    prices = pl.DataFrame(
        {"store_id": ["A", "B"], "item_id": ["x", "x"], "date": [START] * 2, "sell_price": [1.0, 2.0]}
    )
    lake.table("prices").publish({"all": NewPart(prices)})
    return lake


def build(lake: Lake, *, cutoff: date = CUTOFF, shard_rows: int = 1_000_000) -> FeatureSet:
    return build_training_features(
        lake, dataset_of(), cutoff=cutoff, recipe=RECIPE, workers=1, backtest_cutoffs=2, shard_rows=shard_rows
    )


def rows_of(lake: Lake, made: FeatureSet) -> pl.DataFrame:
    folder = Path(lake.store.url_of(f"features/{made.fingerprint}"))
    return pl.concat(pl.read_parquet(pool_path(folder, pool)) for pool in made.pools)


def test_a_training_set_spans_its_window_and_the_backtests_before_the_cutoff(lake: Lake) -> None:
    made = build(lake)
    rows = rows_of(lake, made)
    assert made.start == CUTOFF - timedelta(days=27)  # 20 days, and two backtests of four
    assert made.total_rows == rows.height == 28 + 10 + 28  # y began on the 31st day; z never sold
    assert rows["date"].max() == CUTOFF
    assert rows["units_sold"].null_count() == 0


def test_a_training_set_says_what_it_is(lake: Lake) -> None:
    made = build(lake)
    assert read_feature_set(Path(lake.store.url_of(f"features/{made.fingerprint}"))) == made
    assert made.spec == feature_spec(dataset_of())
    assert list(made.pools.values()) == [("A", "B")]


def test_how_stores_are_pooled_changes_no_row(lake: Lake) -> None:
    together, apart = build(lake), build(lake, shard_rows=1)
    assert apart.pools == {"00-A": ("A",), "01-B": ("B",)}
    assert_frame_equal(rows_of(lake, apart), rows_of(lake, together), check_exact=True)


def test_equal_inputs_are_built_once(lake: Lake) -> None:
    made = build(lake)
    file = pool_path(Path(lake.store.url_of(f"features/{made.fingerprint}")), "00-A")
    written = file.stat().st_mtime_ns
    assert build(lake) == made
    assert file.stat().st_mtime_ns == written


def test_a_later_day_leaves_a_past_training_set_alone_and_a_corrected_one_does_not(lake: Lake) -> None:
    cutoff = CUTOFF - timedelta(days=1)
    made = build(lake, cutoff=cutoff)
    lake.table("sales").publish({CUTOFF.isoformat(): NewPart(day_of_sales(0).with_columns(date=pl.lit(CUTOFF)))})
    assert build(lake, cutoff=cutoff).fingerprint == made.fingerprint
    lake.table("sales").publish({cutoff.isoformat(): NewPart(day_of_sales(0).with_columns(date=pl.lit(cutoff)))})
    assert build(lake, cutoff=cutoff).fingerprint != made.fingerprint


def test_what_a_killed_run_left_is_written_anew(lake: Lake) -> None:
    made = build(lake)
    folder = Path(lake.store.url_of(f"features/{made.fingerprint}"))
    whole = rows_of(lake, made)
    (folder / "_done.json").unlink()
    pool_path(folder, "00-A").write_bytes(b"half a file")
    assert build(lake) == made
    assert_frame_equal(rows_of(lake, made), whole)


def test_forecast_rows_equal_the_training_rows_of_the_same_days(lake: Lake) -> None:
    cutoff = CUTOFF - timedelta(days=4)
    forecast = forecast_features(lake, dataset_of(), cutoff=cutoff)
    assert forecast.height == 3 * 4
    assert forecast["date"].min() == cutoff + timedelta(days=1)
    training = rows_of(lake, build(lake)).filter(pl.col("date") > cutoff)
    assert_frame_equal(forecast.drop("units_sold"), training.drop("units_sold"), check_exact=True)


def test_forecast_rows_can_be_asked_store_by_store(lake: Lake) -> None:
    rows = forecast_features(lake, dataset_of(), cutoff=CUTOFF, stores=["B", "C"])
    assert rows.select("store_id", "item_id").unique().rows() == [("B", "x")]
    assert forecast_features(lake, dataset_of(), cutoff=CUTOFF, stores=["C"]).is_empty()


def test_a_cutoff_between_two_periods_is_refused(lake: Lake) -> None:
    weekly = dataset_of().model_copy(update={"frequency": "1w"})
    with pytest.raises(ConfigurationError, match="cutoff"):
        forecast_features(lake, weekly, cutoff=START + timedelta(days=8))


def test_a_lake_without_sales_or_without_a_table_says_which(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="Sales until"):
        forecast_features(open_lake((tmp_path / "empty").as_uri()), dataset_of(), cutoff=CUTOFF)
    items = {"keys": ["item_id"], "values": {"department": "category"}}
    with pytest.raises(ConfigurationError, match=r"tables\.items"):
        forecast_features(lake, dataset_of(items=items), cutoff=CUTOFF)


def test_known_future_values_that_end_too_early_are_found(lake: Lake) -> None:
    promotions = {"values": {"promotion": "boolean"}, "known_future": ["promotion"]}
    dataset = dataset_of(promotions=promotions)
    assert known_future_shortfalls(lake, dataset, cutoff=CUTOFF) == {"promotions": None}
    rows = day_of_sales(DAYS + 3).select("store_id", "item_id", "date", promotion=pl.lit(True))
    lake.table("promotions").publish({"all": NewPart(rows)})
    assert known_future_shortfalls(lake, dataset, cutoff=CUTOFF) == {}
    later = CUTOFF + timedelta(days=1)
    assert known_future_shortfalls(lake, dataset, cutoff=later) == {"promotions": START + timedelta(days=DAYS + 3)}


def test_stores_fill_pools_in_their_order() -> None:
    rows = [(store, "x", START, 1.0) for store in ("a/1", "b", "c")]
    schema = {"store_id": pl.String, "item_id": pl.String, "date": pl.Date, "units_sold": pl.Float32}
    releases = first_sales(pl.LazyFrame(rows, schema=schema, orient="row")).collect()
    pools = group_stores(releases, feature_spec(dataset_of()), start=START, cutoff=CUTOFF, shard_rows=80)
    assert pools == {"00-a_1": ("a/1", "b"), "01-c": ("c",)}  # 40 rows each
