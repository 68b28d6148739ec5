from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from retail_forecast.errors import NotFoundError
from retail_forecast.lake import Lake, open_lake
from retail_forecast.lake.tables import NewPart
from retail_forecast.lake.vintages import (
    Vintage,
    fetch_scenario_features,
    latest_vintage,
    list_vintages,
    scan_forecasts,
    scan_level_forecasts,
)
from retail_forecast.models import Bundle
from retail_forecast.pipeline.features import forecast_features
from retail_forecast.pipeline.forecasts import publish_forecasts
from retail_forecast.pipeline.train import train_model
from retail_forecast_tests.models.samples import write_series_intervals
from retail_forecast_tests.pipeline.shop_lake import (
    CUTOFF,
    DAYS,
    HORIZON,
    RECIPE,
    START,
    publish_sales,
    shop_dataset,
    shop_lake,
    shop_sales,
    training_folder,
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    train_model(training_folder(shop_lake(folder)), folder / "bundle", RECIPE, workers=1)
    residuals = pl.DataFrame(
        {"lead": [1, 4, 7] * 40, "mean": [5.0] * 120, "units_sold": [float(n) for n in range(120)]}
    )
    write_series_intervals(folder / "bundle", residuals, horizon=HORIZON, levels=["total", "store_id/department"])
    return folder / "bundle"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return shop_lake(tmp_path_factory.mktemp("forecasts"))


def publish(lake: Lake, bundle: Path, *, workers: int = 1, version: str = "3") -> Vintage:
    return publish_forecasts(
        lake, shop_dataset(), bundle_dir=bundle, model_version=version, model={"a": 1}, workers=workers, cutoff=CUTOFF
    )


def forecasts_of(lake: Lake, vintage: Vintage) -> pl.DataFrame:
    return scan_forecasts(lake, vintage.id).collect()


def test_every_active_series_is_forecast_for_the_whole_horizon(lake: Lake, bundle: Path) -> None:
    rows = forecasts_of(lake, publish(lake, bundle))
    quantiles = ["q0.1", "q0.5", "q0.9"]
    assert rows.columns == ["store_id", "item_id", "date", "lead", "mean", *quantiles, "basis", "spread"]
    assert rows.height == 9 * HORIZON
    assert rows["date"].unique().sort().to_list() == [CUTOFF + timedelta(days=lead) for lead in range(1, HORIZON + 1)]
    assert rows.equals(rows.sort("store_id", "item_id", "date"))


def test_quantiles_do_not_cross_and_nothing_is_negative(lake: Lake, bundle: Path) -> None:
    rows = forecasts_of(lake, publish(lake, bundle))
    assert rows.select((pl.col("q0.1") <= pl.col("q0.5")) & (pl.col("q0.5") <= pl.col("q0.9"))).to_series().all()
    assert rows.select(pl.min_horizontal("mean", "q0.1")).to_series().min() >= 0  # type: ignore[operator]


def test_a_vintage_names_every_object_behind_it(lake: Lake, bundle: Path) -> None:
    vintage = publish(lake, bundle)
    assert (vintage.model_version, vintage.cutoff, vintage.series) == ("3", CUTOFF.isoformat(), 9)
    assert [one["object"] for one in vintage.inputs["prices"]] == ["prices/prices.csv"]
    sales = vintage.inputs["sales"]
    assert len(sales) == (CUTOFF - START).days + 1
    assert sales[-1] == {
        "partition": CUTOFF.isoformat(),
        "object": f"sales/{CUTOFF}.csv",
        "e_tag": f"tag-sales/{CUTOFF}.csv",
        "size": 100,
        "sha256": "0" * 64,
        "rows": 9,
        "version_id": None,  # a folder keeps no versions
    }


def test_the_forecasts_are_what_the_bundle_says_of_the_stored_features(lake: Lake, bundle: Path) -> None:
    vintage = publish(lake, bundle)
    features = pl.read_parquet(fetch_scenario_features(lake, vintage.id, bundle))
    forecasts = forecasts_of(lake, vintage)
    again = Bundle.load(bundle).predict(features)
    assert_frame_equal(again, forecasts.select("store_id", "item_id", "date", "mean"))
    fresh = forecast_features(lake, shop_dataset(), cutoff=CUTOFF).drop("units_sold")
    assert_frame_equal(features.drop("alignment"), fresh.sort("store_id", "item_id", "date"))


def test_the_levels_of_a_vintage_are_the_sums_of_its_series(lake: Lake, bundle: Path) -> None:
    vintage = publish(lake, bundle)
    series = forecasts_of(lake, vintage)
    assert vintage.levels == ("store_id/department", "total")
    total = scan_level_forecasts(lake, vintage.id, "total").collect()
    sums = series.group_by("date").agg(pl.col("mean").sum(), pl.col("q0.9").max()).sort("date")
    assert total["group"].unique().to_list() == ["total"]
    assert total["mean"].to_list() == pytest.approx(sums["mean"].to_list(), rel=1e-5)
    assert (total["q0.9"] >= sums["q0.9"]).all()
    groups = scan_level_forecasts(lake, vintage.id, "store_id/department").collect()
    assert groups["group"].unique().sort().to_list() == [f"{s}/{d}" for s in "ABC" for d in ("food", "toys")]


def test_an_item_that_is_listed_but_never_sold_is_forecast_from_its_listing_on(bundle: Path, tmp_path: Path) -> None:
    lake = shop_lake(tmp_path)
    soon, long_ago = CUTOFF + timedelta(days=3), CUTOFF - timedelta(days=60)
    list_items(lake, [("A", "new", soon), ("B", "x-large", CUTOFF), ("A", "dead", long_ago), ("Z", "new", soon)])
    vintage = publish(lake, bundle)
    rows = forecasts_of(lake, vintage)
    new = rows.filter(item_id="new")
    assert new.select("store_id", "date").rows() == [("A", CUTOFF + timedelta(days=d)) for d in range(3, HORIZON + 1)]
    assert rows.filter(item_id="x-large").height == HORIZON
    assert rows.filter(item_id="dead").is_empty()
    assert new["mean"].min() > 0  # type: ignore[operator]
    features = pl.read_parquet(fetch_scenario_features(lake, vintage.id, tmp_path))
    assert features.filter(item_id="new")["periods_since_release"].null_count() == new.height
    assert_frame_equal(Bundle.load(bundle).predict(features), rows.select("store_id", "item_id", "date", "mean"))


def test_forecasts_say_which_series_are_new(lake: Lake, bundle: Path) -> None:
    # z of store C sells from day 100 on, ten days before the cutoff; all others from the start
    new = forecasts_of(lake, publish(lake, bundle)).filter(basis="cold_start")
    assert new.select("store_id", "item_id").unique().rows() == [("C", "z")]


def list_items(lake: Lake, listed: list[tuple[str, str, date]]) -> None:
    prices = lake.table("prices").scan()
    assert prices is not None
    rows = [(store, item, day, 3.0) for store, item, day in listed]
    schema = {"store_id": pl.String, "item_id": pl.String, "date": pl.Date, "sell_price": pl.Float32}
    more = pl.concat([prices.collect(), pl.DataFrame(rows, schema=schema, orient="row")])
    lake.table("prices").publish({"all": NewPart(more.sort("store_id", "item_id", "date"))})


def test_identical_inputs_give_the_vintage_that_is_there_already(lake: Lake, bundle: Path) -> None:
    first = publish(lake, bundle)
    other = publish(lake, bundle, version="4")
    assert other.id != first.id
    assert publish(lake, bundle) == first
    assert latest_vintage(lake) == first
    assert len(list_vintages(lake)) == 2


def test_later_sales_change_neither_forecasts_nor_vintage(lake: Lake, bundle: Path, tmp_path: Path) -> None:
    spoilt = shop_lake(tmp_path, shop_sales(spoil_after=CUTOFF))
    first, second = publish(lake, bundle), publish(spoilt, bundle)
    assert second.id == first.id
    assert_frame_equal(forecasts_of(spoilt, second), forecasts_of(lake, first))


def test_a_corrected_day_gives_a_new_vintage(bundle: Path, tmp_path: Path) -> None:
    lake = shop_lake(tmp_path)
    before = publish(lake, bundle)
    corrected = shop_sales().filter(date=CUTOFF).with_columns(units_sold=pl.col("units_sold") + 20)
    publish_sales(lake, corrected)
    after = publish(lake, bundle)
    assert after.id != before.id
    assert not forecasts_of(lake, after).equals(forecasts_of(lake, before))


def test_a_store_that_the_model_never_saw_is_forecast(bundle: Path, tmp_path: Path) -> None:
    sales = shop_sales()
    lake = shop_lake(tmp_path, pl.concat([sales, sales.filter(store_id="A").with_columns(store_id=pl.lit("D"))]))
    rows = forecasts_of(lake, publish(lake, bundle))
    assert rows["store_id"].unique().sort().to_list() == ["A", "B", "C", "D"]
    assert rows.filter(store_id="D")["mean"].min() > 0  # type: ignore[operator]


def test_without_a_cutoff_the_last_sales_are_the_cutoff(bundle: Path, lake: Lake) -> None:
    vintage = publish_forecasts(lake, shop_dataset(), bundle_dir=bundle, model_version="3", model={}, workers=1)
    assert vintage.cutoff == (START + timedelta(days=DAYS - 1)).isoformat()


@pytest.mark.slow
def test_two_workers_publish_the_same_forecasts_as_one(lake: Lake, bundle: Path, tmp_path: Path) -> None:
    other = shop_lake(tmp_path)
    first, second = publish(lake, bundle), publish(other, bundle, workers=2)
    assert second.id == first.id
    assert_frame_equal(forecasts_of(other, second), forecasts_of(lake, first))


def test_an_empty_lake_says_what_is_missing(bundle: Path, tmp_path: Path) -> None:
    empty = open_lake(tmp_path.as_uri())
    with pytest.raises(NotFoundError, match="table of sales"):
        publish_forecasts(empty, shop_dataset(), bundle_dir=bundle, model_version="1", model={}, workers=1)
