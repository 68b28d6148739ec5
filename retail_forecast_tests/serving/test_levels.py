from __future__ import annotations

import polars as pl
import pytest
from starlette.testclient import TestClient

from retail_forecast.serving.levels import SERIES_LEVEL
from retail_forecast_tests.serving.conftest import World
from retail_forecast_tests.serving.test_app import problem_of
from retail_forecast_tests.serving.world import HORIZON, forecasts_of


def test_levels_go_from_the_total_to_the_series(client: TestClient) -> None:
    levels = client.get("/v1/levels").json()["levels"]
    assert levels == [
        {"level": "total", "keys": [], "groups": 1, "within": []},
        {"level": "store_id", "keys": ["store_id"], "groups": 2, "within": ["total"]},
        {"level": SERIES_LEVEL, "keys": ["store_id", "item_id"], "groups": 6, "within": ["total", "store_id"]},
    ]


def test_groups_are_listed_page_by_page(client: TestClient) -> None:
    page = client.get("/v1/levels/store_id:item_id", params={"limit": 4}).json()
    assert page["groups"] == ["S1/bread", "S1/eggs%2F6", "S1/milk", "S2/bread"]
    rest = client.get("/v1/levels/store_id:item_id", params={"after": page["next"]}).json()
    assert (rest["groups"], rest["next"]) == (["S2/eggs%2F6", "S2/milk"], None)


def test_the_mean_of_a_group_is_the_sum_of_its_series(client: TestClient, world: World) -> None:
    body = client.get("/v1/levels/store_id/S1").json()
    rows = forecasts_of(world.lake_url, world.first.id).filter(store_id="S1")
    sums = rows.group_by("date").agg(pl.col("mean").sum()).sort("date")
    assert [one["mean"] for one in body["forecasts"]] == pytest.approx(sums["mean"].to_list(), abs=1e-3)
    assert [one["lead"] for one in body["forecasts"]] == list(range(1, HORIZON + 1))
    assert set(body["forecasts"][0]["quantiles"]) == {"0.05", "0.5", "0.95"}


@pytest.mark.parametrize("group", ["S1/eggs%252F6", "S1/eggs/6", "S1/milk"])
def test_a_series_is_a_group_of_the_lowest_level(client: TestClient, group: str) -> None:
    body = client.get(f"/v1/levels/store_id:item_id/{group}").json()
    item = "milk" if "milk" in group else "eggs/6"
    assert body["forecasts"] == client.get(f"/v1/forecasts/S1/{item}").json()["forecasts"]


def test_an_unknown_level_is_told_with_the_nearest(client: TestClient) -> None:
    body = problem_of(client.get("/v1/levels/store/S1"), 404, "unknown-level")
    assert "Did you mean 'store_id'" in body["detail"]
    assert "GET /v1/levels" in body["detail"]


def test_an_unknown_group_is_told_with_the_nearest(client: TestClient) -> None:
    body = problem_of(client.get("/v1/levels/store_id/S11"), 404, "unknown-group")
    assert "Did you mean 'S1'" in body["detail"]
    assert body["group"] == "S11"
    problem_of(client.get("/v1/levels/store_id:item_id/S1/mlik"), 404, "unknown-item")
