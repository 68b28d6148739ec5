"""From a group down to its series."""

from __future__ import annotations

import polars as pl
import pytest
from starlette.testclient import TestClient

from retail_forecast.serving.members import nested_levels
from retail_forecast_tests.serving.test_app import problem_of


def test_a_group_names_its_series_page_by_page(client: TestClient) -> None:
    first = client.get("/v1/members/store_id/S1", params={"limit": 2}).json()
    assert (first["level"], first["groups"]) == ("store_id/item_id", ["S1/bread", "S1/eggs%2F6"])
    second = client.get("/v1/members/store_id/S1", params={"limit": 2, "after": first["next"]}).json()
    assert (second["groups"], second["next"]) == (["S1/milk"], None)


def test_the_series_of_a_group_add_up_to_it(client: TestClient) -> None:
    names = client.get("/v1/members/store_id/S2").json()["groups"]
    series = [client.get(f"/v1/levels/store_id:item_id/{name.replace('%', '%25')}").json() for name in names]
    sums = [sum(one["forecasts"][0]["mean"] for one in series)]
    whole = client.get("/v1/levels/store_id/S2").json()["forecasts"][0]["mean"]
    assert sums == pytest.approx([whole], abs=1e-3)


def test_the_total_is_made_of_every_series(client: TestClient) -> None:
    assert len(client.get("/v1/members/total/total").json()["groups"]) == 6  # three items in two stores


def test_a_group_names_the_groups_of_another_level_that_have_a_series_of_it(client: TestClient) -> None:
    answer = client.get("/v1/members/total/total", params={"at": "store_id"}).json()
    assert (answer["level"], answer["groups"]) == ("store_id", ["S1", "S2"])
    answer = client.get("/v1/members/store_id:item_id/S2/milk", params={"at": "store_id"}).json()
    assert answer["groups"] == ["S2"]
    problem_of(client.get("/v1/members/store_id/S1", params={"at": "aisle"}), 404, "unknown-level")


def test_a_level_says_within_which_it_lies_though_no_column_of_it_does() -> None:
    series = pl.DataFrame(
        [("CA_1", "milk", "CA", "food"), ("CA_2", "milk", "CA", "food"), ("TX_1", "soap", "TX", "care")],
        schema=["store_id", "item_id", "state", "category"],
        orient="row",
    )
    levels = ["total", "state", "category", "store_id", "store_id/item_id"]
    more = pl.concat([series, series.with_columns(item_id=pl.lit("ale"), category=pl.lit("food"))])
    nested = nested_levels(more, levels)
    assert nested["store_id"] == ["total", "state"]
    assert nested["store_id/item_id"] == levels[:-1]
    assert (nested["state"], nested["category"], nested["total"]) == (["total"], ["total"], [])


@pytest.mark.parametrize(("path", "name"), [("store_id/S9", "unknown-group"), ("aisle/1", "unknown-level")])
def test_what_there_is_not_is_said(client: TestClient, path: str, name: str) -> None:
    problem_of(client.get(f"/v1/members/{path}"), 404, name)
