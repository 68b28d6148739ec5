from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from starlette.testclient import TestClient

from retail_forecast.lake import open_lake
from retail_forecast.lake.tables import NewPart
from retail_forecast.serving.app import build_app
from retail_forecast.serving.state import ServingState
from retail_forecast_tests.serving.conftest import World
from retail_forecast_tests.serving.test_app import problem_of
from retail_forecast_tests.serving.world import CUTOFF, HORIZON, PAST, publish, source


def test_the_history_of_a_series_is_what_was_sold(client: TestClient) -> None:
    body = client.get("/v1/history/S1/milk").json()
    sales = source()[0].filter(store_id="S1", item_id="milk").tail(PAST)
    assert [one["date"] for one in body["periods"]] == [day.isoformat() for day in sales["date"]]
    assert [one["units_sold"] for one in body["periods"]] == sales["units_sold"].to_list()
    assert body["periods"][-1]["date"] == body["cutoff"] == CUTOFF.isoformat()


def test_the_covariates_of_the_past_and_of_the_horizon_stand_beside_it(client: TestClient) -> None:
    body = client.get("/v1/history/S2/eggs/6").json()
    prices = source()[1]["prices"].filter(store_id="S2", item_id="eggs/6").tail(PAST + HORIZON)
    known = [one["known_future"] for one in [*body["periods"], *body["future"]]]
    assert [one["sell_price"] for one in known] == prices["sell_price"].to_list()
    assert [one["promotion"] for one in known] == prices["promotion"].to_list()
    feasts = [one["date"] for one in body["periods"] if one["known_future"]["event"] == "feast"]
    assert feasts == ["2024-09-15"]
    assert [one["date"] for one in body["future"]] == [f"2024-10-0{day}" for day in range(1, HORIZON + 1)]


def test_the_last_periods_are_enough_for_a_small_chart(client: TestClient) -> None:
    whole = client.get("/v1/history/S1/milk").json()["periods"]
    assert client.get("/v1/history/S1/milk", params={"periods": 3}).json()["periods"] == whole[-3:]
    problem_of(client.get("/v1/history/S1/milk", params={"periods": 0}), 422, "invalid-request")


def test_the_history_of_a_group_is_the_sum_of_its_series(client: TestClient) -> None:
    group = client.get("/v1/level-history/store_id/S1").json()["periods"]
    own = [client.get(f"/v1/history/S1/{item}").json()["periods"] for item in ("bread", "milk", "eggs/6")]
    sums = [sum(one["units_sold"] for one in of_day) for of_day in zip(*own, strict=True)]
    assert [one["units_sold"] for one in group] == sums
    series = client.get("/v1/level-history/store_id:item_id/S1/milk").json()
    assert [one["units_sold"] for one in series["periods"]] == [one["units_sold"] for one in own[1]]


def test_a_probable_stock_out_is_marked(world: World) -> None:
    lake = open_lake(world.lake_url)
    empty = pl.DataFrame({"store_id": ["S1"], "item_id": ["milk"], "date": [date(2024, 9, 29)]})
    lake.table("stock_outs").publish({"all": NewPart(empty)})
    state = ServingState()
    state.switch({"vintage": world.second.id, "lake_url": world.lake_url})
    periods = TestClient(build_app(state)).get("/v1/history/S1/milk").json()["periods"]
    assert [one["date"] for one in periods if one["stock_out"]] == ["2024-09-29"]


def test_a_vintage_without_history_says_how_to_get_one(world: World) -> None:
    old = publish(open_lake(world.lake_url), world.bundle, world.rows, version="7", history=False)
    state = ServingState()
    state.switch({"vintage": old.id, "lake_url": world.lake_url})
    client = TestClient(build_app(state))
    for path in ("/v1/history/S1/milk", "/v1/level-history/total/total"):
        body = problem_of(client.get(path), 404, "no-history")
        assert "retail-forecast run" in body["detail"]


@pytest.mark.parametrize("path", ["/v1/history/S1/mlik", "/v1/level-history/store_id/S3", "/v1/level-history/shop/S1"])
def test_what_is_unknown_has_no_history(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404
