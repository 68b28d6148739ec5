from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from retail_forecast.lake import open_lake
from retail_forecast.models import Bundle
from retail_forecast.serving.app import build_app
from retail_forecast.serving.state import ServingState
from retail_forecast_tests.serving.conftest import World
from retail_forecast_tests.serving.test_app import problem_of
from retail_forecast_tests.serving.world import publish

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
            assert one["scenario"] == one["baseline"]


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
        ({"values": {"sell_price": 10**400}}, "expected a finite number"),
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


def test_several_series_are_answered_under_the_same_changes_and_unknown_ones_listed(client: TestClient) -> None:
    keys = [{"store_id": store, "item_id": item} for store, item in (("S2", "milk"), ("S1", "bread"), ("S1", "tea"))]
    changes = [{"dates": [DAY], "values": {"sell_price": 1.5}}]
    body = client.post("/v1/what-if", json={"series": keys, "changes": changes}).json()
    alone = ask(client, *changes).json()
    assert [(one["store_id"], one["item_id"]) for one in body["series"]] == [("S2", "milk"), ("S1", "bread")]
    assert body["unknown"] == [{"store_id": "S1", "item_id": "tea"}]
    assert body["series"][1]["periods"] == alone["periods"]
    together = sum(one["total"]["scenario"] for one in body["series"])
    assert body["total"]["scenario"] == pytest.approx(together, abs=1e-3)


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({}, "either store_id and item_id, or series"),
        ({"store_id": "S1"}, "either store_id and item_id, or series"),
        ({"store_id": "S1", "item_id": "milk", "series": [{"store_id": "S1", "item_id": "milk"}]}, "either store_id"),
        ({"series": [{"store_id": "S1", "item_id": "milk"}] * 2}, "asked for twice"),
        ({"series": []}, "at least 1"),
    ],
)
def test_a_scenario_is_about_one_series_or_a_list(client: TestClient, named: dict[str, Any], words: str) -> None:
    found = client.post("/v1/what-if", json={**named, "changes": [{"values": {"sell_price": 1.0}}]})
    assert words in problem_of(found, 422, "invalid-request")["detail"]


def test_a_list_of_series_that_are_all_unknown_is_refused(client: TestClient) -> None:
    named = {"series": [{"store_id": "S1", "item_id": "tea"}], "changes": [{"values": {"sell_price": 1.0}}]}
    problem_of(client.post("/v1/what-if", json=named), 404, "unknown-item")


def test_a_price_that_other_items_have_is_outside_where_the_item_never_cost_that(client: TestClient) -> None:
    usual = ask(client, {"values": {"sell_price": 1.5}}).json()
    assert usual["outside"] == []
    body = ask(client, {"dates": [DAY], "values": {"sell_price": 4.0}}).json()  # eggs cost 4, bread 2 at the most
    (outside,) = body["outside"]
    assert (outside["covariate"], outside["date"], outside["value"]) == ("sell_price", DAY, 4.0)
    assert 0.9 < outside["seen"]["min"] < 1.1  # half of what it costs without a promotion
    assert 1.9 < outside["seen"]["max"] < 2.3


def test_a_model_that_kept_no_note_of_what_it_saw_says_that_it_is_not_known(world: World, tmp_path: Path) -> None:
    folder, lake_url = tmp_path / "bundle", (tmp_path / "lake").as_uri()
    shutil.copytree(world.bundle.path, folder)
    (folder / "seen.json").unlink()
    vintage = publish(open_lake(lake_url), Bundle.load(folder), world.rows, version="5")
    state = ServingState()
    state.switch({"vintage": vintage.id, "lake_url": lake_url})
    with TestClient(build_app(state)) as client:
        assert ask(client, {"values": {"sell_price": 99.0}}).json()["outside"] is None


def test_a_question_is_answered_the_same_with_and_without_the_way_past_fastapi(client: TestClient) -> None:
    asked = {"store_id": "S1", "item_id": "bread", "changes": [{"dates": [DAY], "values": {"sell_price": 4.0}}]}
    body = json.dumps(asked).encode()
    past, through = (
        client.post("/v1/what-if", content=body, headers={"Content-Type": kind})
        for kind in ("application/json", "application/json; charset=utf-8")
    )
    assert (past.status_code, past.content) == (200, through.content)
    assert past.headers.keys() == through.headers.keys()
    both = ("content-type", "content-length", "x-forecast-vintage")
    assert [past.headers[name] for name in both] == [through.headers[name] for name in both]


def test_a_question_may_come_in_parts_and_who_leaves_in_its_middle_is_forgotten(client: TestClient) -> None:
    body = json.dumps({"store_id": "S1", "item_id": "bread", "changes": [{"values": {"sell_price": 1.0}}]}).encode()
    first = {"type": "http.request", "body": body[:20], "more_body": True}
    rest = {"type": "http.request", "body": body[20:], "more_body": False}
    expected = client.post("/v1/what-if", content=body, headers={"Content-Type": "application/json"})
    assert asyncio.run(_sent(client, [first, rest])) == [200, expected.content]
    assert asyncio.run(_sent(client, [first, {"type": "http.disconnect"}]))[0] == 400


async def _sent(client: TestClient, messages: list[dict[str, Any]]) -> list[Any]:
    """Status and body of the answer to a question that comes in these messages."""
    scope = {"type": "http", "method": "POST", "path": "/v1/what-if", "query_string": b"", "server": ("api", 80)}
    scope |= {"headers": [(b"content-type", b"application/json")], "scheme": "http", "client": ("127.0.0.1", 1)}
    coming, sent = iter(messages), list[Any]()

    async def receive() -> Any:
        return next(coming, {"type": "http.disconnect"})

    async def send(message: Any) -> None:
        sent.append(message.get("status", message.get("body")))

    await build_app(client.app.state.serving)(scope, receive, send)  # type: ignore[attr-defined]
    return sent
