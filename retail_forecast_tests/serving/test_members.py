"""From a group down to its series."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

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


@pytest.mark.parametrize(("path", "name"), [("store_id/S9", "unknown-group"), ("aisle/1", "unknown-level")])
def test_what_there_is_not_is_said(client: TestClient, path: str, name: str) -> None:
    problem_of(client.get(f"/v1/members/{path}"), 404, name)
