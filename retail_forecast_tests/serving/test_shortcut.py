"""Lookups before Ray Serve, whose place a small ASGI application takes that answers 418 to whatever reaches it."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.responses import Response
from starlette.testclient import TestClient

from retail_forecast.serving import shortcut
from retail_forecast.serving.app import build_app
from retail_forecast.serving.config import SHORTCUT
from retail_forecast.serving.metrics import Metrics
from retail_forecast.serving.security.authenticator import Authenticator
from retail_forecast.serving.security.key_ring import KeyRing
from retail_forecast.serving.security.keys import add_key, make_key
from retail_forecast.serving.security.security import Security
from retail_forecast.serving.security.throttle import Throttle
from retail_forecast.serving.state import ServingState
from retail_forecast_tests.serving.conftest import World

PATH = "/v1/forecasts/S1/milk"
Behind = Callable[..., TestClient]


@pytest.fixture
def behind(monkeypatch: pytest.MonkeyPatch) -> Behind:
    """A replica's HTTP server as Serve puts it together, for an application of that state."""

    def start(serving: ServingState, metrics: Metrics | None = None, security: Security | None = None) -> TestClient:
        monkeypatch.setattr(shortcut, "_applications", [])
        shortcut.offer_shortcut(build_app(serving, metrics, security))
        (ours,) = shortcut.middlewares()
        return TestClient(ours.cls(Response(status_code=418), *ours.args, **ours.kwargs))

    return start


def test_the_name_that_serve_is_told_is_the_function() -> None:
    (path,) = SHORTCUT.values()
    module, _, name = path.partition(":")
    assert getattr(importlib.import_module(module), name) is shortcut.middlewares


def test_a_process_without_an_application_gets_none() -> None:
    assert shortcut._applications == []
    assert shortcut.middlewares() == []


def test_a_lookup_is_answered_as_it_is_behind_serve(behind: Behind, serving: ServingState, client: TestClient) -> None:
    before, after = client.get(PATH), behind(serving).get(PATH)
    made = after.headers.pop("x-request-id")
    assert (after.status_code, after.content) == (200, before.content)
    assert before.headers.pop("x-request-id") != made
    assert after.headers == before.headers
    assert behind(serving).get("/v1/forecasts/S1/tea").json()["title"] == "Unknown item"


def test_everything_else_is_served_by_serve(behind: Behind, serving: ServingState) -> None:
    asked = behind(serving)
    others = [("GET", "/-/healthz"), ("POST", "/v1/forecasts"), ("POST", PATH), ("GET", "/v1/forecasts"), ("GET", "/")]
    assert {asked.request(*other).status_code for other in others} == {418}


def test_the_id_of_a_request_comes_back(behind: Behind, serving: ServingState) -> None:
    answer = behind(serving).get(PATH, headers={"X-Request-Id": "mine"})
    assert answer.headers.get_list("x-request-id") == ["mine"]


def test_keys_and_limits_hold(behind: Behind, serving: ServingState, tmp_path: Path) -> None:
    key, record = make_key("planner", ["forecasts:read"])
    add_key(tmp_path / "keys.json", record)
    asked = behind(
        serving, security=Security(Authenticator(KeyRing(tmp_path / "keys.json"), None), Throttle(0.001, burst=2))
    )
    assert asked.get(PATH).status_code == 401
    mine = [asked.get(PATH, headers={"X-API-Key": key}) for _ in range(3)]
    assert [answer.status_code for answer in mine] == [200, 200, 429]
    assert mine[0].headers["cache-control"] == "private, no-cache"


def test_a_request_too_many_waits_its_turn(
    behind: Behind, serving: ServingState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retail_forecast.serving.speed.LOOKUPS_UNDER_WAY", 0)
    answer = behind(serving).get(PATH)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_lookups_are_counted_once(behind: Behind, serving: ServingState, world: World) -> None:
    metrics = Metrics()
    asked = behind(serving, metrics)
    assert [asked.get(path).status_code for path in (PATH, PATH, "/v1/forecasts/S1/tea")] == [200, 200, 404]
    route = 'method="GET",model_version="1",route="/v1/forecasts/{store_id}/{item_id:path}"'
    told = metrics.render().decode()
    for status, count in (("200", 2.0), ("404", 1.0)):
        assert f'requests_total{{{route},status="{status}",vintage="{world.first.id}"}} {count}' in told


def test_the_next_vintage_answers_at_once(behind: Behind, world: World) -> None:
    serving = ServingState()
    asked = behind(serving)
    assert asked.get(PATH).status_code == 503
    for vintage in (world.first, world.second):
        serving.switch({"vintage": vintage.id, "lake_url": world.lake_url})
        assert asked.get(PATH).headers["x-forecast-vintage"] == vintage.id
