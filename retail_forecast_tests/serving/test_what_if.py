from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from retail_forecast_tests.serving.test_app import problem_of

DAY = "2024-10-03"


def ask(client: TestClient, *changes: dict[str, Any], item: str = "bread") -> Any:
    return client.post("/v1/what-if", json={"store_id": "S1", "item_id": item, "changes": list(changes)})


def test_a_lower_price_with_a_promotion_sells_more_on_that_day(client: TestClient) -> None:
    body = ask(client, {"dates": [DAY], "values": {"sell_price": 1.0, "promotion": True}}).json()
    normal = ask(client, {"dates": [DAY], "values": {"sell_price": 2.0, "promotion": False}}).json()
    day = next(one for one in body["periods"] if one["date"] == DAY)
    usual = next(one for one in normal["periods"] if one["date"] == DAY)
    assert day["changed"]
    assert day["scenario"]["mean"] > 1.3 * usual["scenario"]["mean"]
    assert day["scenario"]["quantiles"]["0.95"] > usual["scenario"]["quantiles"]["0.95"]


def test_other_days_stay_as_published(client: TestClient) -> None:
    body = ask(client, {"dates": [DAY], "values": {"sell_price": 0.5}}).json()
    published = client.get("/v1/forecasts/S1/bread").json()["forecasts"]
    for one, row in zip(body["periods"], published, strict=True):
        assert one["baseline"] == {"mean": row["mean"], "quantiles": row["quantiles"]}
        if not one["changed"]:
            assert one["difference"]["mean"] == pytest.approx(0, abs=2e-4)


def test_differences_and_totals_add_up(client: TestClient) -> None:
    body = ask(client, {"values": {"sell_price": 1.0, "promotion": True}}).json()
    assert all(one["changed"] for one in body["periods"])
    for one in body["periods"]:
        assert one["difference"]["mean"] == pytest.approx(one["scenario"]["mean"] - one["baseline"]["mean"], abs=1e-3)
    total = body["total"]
    assert total["difference"] == pytest.approx(total["scenario"] - total["baseline"], abs=1e-2)


def test_a_later_change_wins(client: TestClient) -> None:
    once = ask(client, {"values": {"sell_price": 3.0}}).json()["periods"]
    twice = ask(client, {"values": {"sell_price": 1.0}}, {"values": {"sell_price": 3.0}}).json()["periods"]
    assert once == twice


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"values": {"price": 1.0}}, "Known: event, promotion, sell_price"),
        ({"values": {"sell_price": "cheap"}}, "expected a finite number"),
        ({"values": {"sell_price": True}}, "expected a finite number"),
        ({"values": {"promotion": 1}}, "expected true or false"),
        ({"values": {"event": "carnival"}}, "feast"),
        ({"dates": ["2024-09-30"], "values": {"sell_price": 1.0}}, "2024-10-01 to 2024-10-07"),
    ],
)
def test_an_impossible_scenario_says_what_is_possible(client: TestClient, change: dict[str, Any], words: str) -> None:
    assert words in problem_of(ask(client, change), 422, "invalid-scenario")["detail"]


def test_a_scenario_for_an_unknown_item_is_refused(client: TestClient) -> None:
    problem_of(ask(client, {"values": {"sell_price": 1.0}}, item="tea"), 404, "unknown-item")


def test_a_scenario_without_changes_is_refused(client: TestClient) -> None:
    problem_of(ask(client), 422, "invalid-request")
