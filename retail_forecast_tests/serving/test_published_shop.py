"""From delivered files to answers over HTTP: sums fit together, and every number leads back to a row of a file."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest
from starlette.testclient import TestClient

from retail_forecast.dataset import SERIES
from retail_forecast.ingest.landing import land_csv
from retail_forecast.lake import Lake, Store, open_lake, open_store
from retail_forecast.pipeline.arrivals import look_for_arrivals
from retail_forecast.pipeline.forecasts import publish_forecasts
from retail_forecast.pipeline.tables import publish_table, stale_partitions
from retail_forecast.pipeline.train import train_model
from retail_forecast.serving.app import build_app
from retail_forecast.serving.state import ServingState
from retail_forecast.serving.trace import TracedPeriod, pick_series, trace
from retail_forecast_tests.models.samples import write_series_intervals
from retail_forecast_tests.pipeline.shop_lake import (
    CUTOFF,
    HORIZON,
    ITEMS,
    RECIPE,
    START,
    STORES,
    shop_dataset,
    shop_sales,
    training_folder,
)

LEVELS = ["total", "store_id", "department", "store_id/department", "item_id"]
DEPARTMENTS = {"x": "food", "y": "food", "z": "toys"}


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A file of sales for each day up to the cutoff, one of prices and one of items."""
    landing = open_store((tmp_path_factory.mktemp("published") / "landing").as_uri())
    sales = shop_sales().filter(pl.col("date") <= CUTOFF)
    for (day,), rows in sales.partition_by("date", as_dict=True).items():
        land_csv(landing, f"sales/sales_{day}.csv", rows)
    prices = [(store, item, START, 2.0 + ITEMS.index(item)) for store in STORES for item in ITEMS]
    land_csv(landing, "prices/prices.csv", pl.DataFrame(prices, [*SERIES, "date", "sell_price"], orient="row"))
    items = {"item_id": list(DEPARTMENTS), "department": list(DEPARTMENTS.values())}
    land_csv(landing, "items/items.csv", pl.DataFrame(items))
    return landing


@pytest.fixture(scope="module")
def lake(landing: Store, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake, dataset = open_lake((tmp_path_factory.mktemp("published") / "lake").as_uri()), shop_dataset()
    look_for_arrivals(lake, landing, dataset, settle_seconds=0)
    for table in dataset.tables:
        publish_table(lake, landing, dataset, table, stale_partitions(lake, dataset, table))
    return lake


@pytest.fixture(scope="module")
def client(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    bundle: Path = tmp_path_factory.mktemp("bundle")
    train_model(training_folder(lake), bundle, RECIPE, workers=1)
    residuals = pl.DataFrame({"lead": [1, 4, 7] * 40, "mean": [5.0] * 120, "units_sold": [*range(120)]})
    write_series_intervals(bundle, residuals.cast({"units_sold": pl.Float64}), horizon=HORIZON, levels=LEVELS)
    vintage = publish_forecasts(
        lake, shop_dataset(), bundle_dir=bundle, model_version="1", model={}, workers=1, cutoff=CUTOFF
    )
    state = ServingState()
    state.switch({"vintage": vintage.id, "lake_url": lake.store.url})
    with TestClient(build_app(state)) as client:
        yield client


def group_of(level: str, store: str, item: str) -> str:
    values = {"store_id": store, "item_id": item, "department": DEPARTMENTS[item]}
    return "/".join(values[key] for key in level.split("/")) if level != "total" else "total"


def ask(client: TestClient, path: str) -> Any:
    response = client.get(path)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize("level", LEVELS)
def test_the_mean_of_a_group_is_the_sum_of_its_series_means(client: TestClient, level: str) -> None:
    means: dict[str, list[list[float]]] = {}
    for store, item in product(STORES, ITEMS):
        rows = ask(client, f"/v1/forecasts/{store}/{item}")["forecasts"]
        means.setdefault(group_of(level, store, item), []).append([row["mean"] for row in rows])
    assert ask(client, f"/v1/levels/{level.replace('/', ':')}")["groups"] == sorted(means)
    for group, of_series in means.items():
        rows = ask(client, f"/v1/levels/{level.replace('/', ':')}/{group}")["forecasts"]
        sums, shown = [sum(day) for day in zip(*of_series, strict=True)], 5e-5 * (1 + len(of_series))
        assert [row["mean"] for row in rows] == pytest.approx(sums, rel=1e-6, abs=shown)
        assert all(list(row["quantiles"].values()) == sorted(row["quantiles"].values()) for row in rows)


def test_the_past_of_a_series_is_its_sales_since_the_first(client: TestClient) -> None:
    periods = ask(client, "/v1/history/C/z")["periods"]
    sales = shop_sales().filter(pl.col("date") <= CUTOFF, store_id="C", item_id="z")
    release = (START + timedelta(days=100)).isoformat()  # not known before; zeros of then are no sales
    known = {row["date"]: row["units_sold"] for row in periods if row["units_sold"] is not None}
    assert known == {str(day): units for day, units in sales.select("date", "units_sold").rows() if str(day) >= release}
    assert {row["known_future"]["sell_price"] for row in periods if row["date"] >= str(START)} == {4.0}


def test_the_past_of_a_group_is_the_sum_of_its_sales(client: TestClient) -> None:
    periods = ask(client, "/v1/level-history/store_id:department/B/food?periods=30")["periods"]
    sales = shop_sales().filter(pl.col("date") <= CUTOFF, pl.col("item_id").is_in(["x", "y"]), store_id="B")
    sums = sales.group_by("date").agg(pl.col("units_sold").sum()).sort("date").tail(30)
    assert [row["units_sold"] for row in periods] == sums["units_sold"].to_list()


def traced(client: TestClient, landing: Store, seed: int, *, series: int, periods: int) -> list[TracedPeriod]:
    random = Random(seed)
    chosen = pick_series(lambda path: ask(client, path), series, random)
    return list(trace(lambda path: ask(client, path), landing, shop_dataset(), chosen, periods=periods, random=random))


def test_answers_picked_at_random_lead_to_the_rows_of_the_landing_files(client: TestClient, landing: Store) -> None:
    seed = secrets.randbelow(10**6)
    found = traced(client, landing, seed, series=9, periods=10)
    assert len(found) == 90, seed
    assert [one for one in found if one.problem] == [], seed
    assert {one.file for one in found} == {f"sales/sales_{one.date}.csv" for one in found}, seed
    sold = {row[:3]: row[3] for row in shop_sales().iter_rows()}
    assert all(one.landed == sold[one.store_id, one.item_id, one.date] for one in found), seed


def test_a_file_that_was_replaced_or_is_gone_is_told(client: TestClient, landing: Store) -> None:
    *_, replaced, gone = sorted({one.file for one in traced(client, landing, 1, series=2, periods=9)})
    kept = {name: landing.read(name) for name in (replaced, gone)}
    landing.write(replaced, kept[replaced].replace(b"B", b"C"))
    landing.delete(gone)
    problems = {one.file: one.problem or "" for one in traced(client, landing, 1, series=2, periods=9) if one.problem}
    for name, data in kept.items():
        landing.write(name, data)
    assert set(problems) == {replaced, gone}
    assert "with the content that the lineage names" in problems[replaced]
