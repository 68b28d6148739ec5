from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from retail_forecast.serving.security.headers import SecurityHeaders
from retail_forecast.serving.security.security import Security
from retail_forecast.serving.security.throttle import CALLERS, Throttle
from retail_forecast_tests.serving.security.conftest import MakeClient
from retail_forecast_tests.serving.test_app import problem_of

FORECAST = "/v1/forecasts/S1/milk"


def test_every_answer_tells_browsers_to_be_careful(client: TestClient) -> None:
    for path in (FORECAST, "/v1/forecasts/S9/x", "/nothing", "/livez", "/docs", "/metrics"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        assert headers["referrer-policy"] == "no-referrer", path
        assert "strict-transport-security" not in headers, path
    scripts = [part for part in client.get("/docs").headers["content-security-policy"].split("; ") if "script" in part]
    assert scripts == ["script-src 'self'"]


def test_behind_tls_browsers_are_told_to_stay_there(make_client: MakeClient) -> None:
    client = make_client(Security(headers=SecurityHeaders(behind_tls=True)))
    assert client.get(FORECAST).headers["strict-transport-security"] == "max-age=31536000"


def test_a_request_keeps_its_id_or_gets_one(client: TestClient) -> None:
    made = client.get(FORECAST).headers["x-request-id"]
    assert len(made) == 32
    assert client.get(FORECAST).headers["x-request-id"] != made
    problem_of(client.get(FORECAST, headers={"X-Request-Id": "a b"}), 400, "invalid-request-id")
    problem_of(client.get(FORECAST, headers={"X-Request-Id": "a" * 129}), 400, "invalid-request-id")


def test_who_asks_too_often_is_told_when_to_come_again(make_client: MakeClient) -> None:
    client = make_client(Security(throttle=Throttle(0.5, burst=2)))
    assert [client.get(FORECAST).status_code for _ in range(3)] == [200, 200, 429]
    answer = client.get(FORECAST)
    problem_of(answer, 429, "too-many-requests")
    assert answer.headers["retry-after"] == "2"
    assert answer.headers["ratelimit"].startswith('"caller";r=0;')
    assert answer.headers["ratelimit-policy"] == '"caller";q=2;w=4'
    assert client.get("/readyz").status_code == 200


def test_a_bucket_fills_at_its_rate() -> None:
    now = [0.0]
    throttle = Throttle(2.0, burst=2, clock=lambda: now[0])
    assert [throttle.take("a").wait_seconds for _ in range(3)] == [0.0, 0.0, 0.5]
    assert throttle.take("b").wait_seconds == 0.0
    now[0] = 0.5  # one token since
    assert [throttle.take("a").wait_seconds for _ in range(2)] == [0.0, 0.5]
    now[0] = 100.0
    assert throttle.take("a").left == 1  # no more than the burst is ever saved


def test_no_more_callers_are_remembered_than_there_is_room_for() -> None:
    throttle = Throttle(1.0)
    for number in range(CALLERS + 50):
        throttle.take(str(number))
    assert len(throttle._buckets) == CALLERS


def test_pages_of_other_origins_may_ask_only_where_named(make_client: MakeClient, client: TestClient) -> None:
    asked = {"Origin": "https://plan.example.com", "Access-Control-Request-Method": "GET"}
    assert "access-control-allow-origin" not in client.options(FORECAST, headers=asked).headers
    other = make_client(Security(origins=("https://plan.example.com",)))
    assert other.options(FORECAST, headers=asked).headers["access-control-allow-origin"] == "https://plan.example.com"
    assert other.options(FORECAST, headers={**asked, "Origin": "https://x.example"}).status_code == 400


@pytest.mark.parametrize(
    ("headers", "path", "status", "name"),
    [
        ({f"x-{n}": "a" for n in range(101)}, FORECAST, 431, "headers-too-large"),
        ({"x-a": "a" * 33_000}, FORECAST, 431, "headers-too-large"),
        ({}, "/v1/forecasts/S1/" + "a" * 5000, 414, "uri-too-long"),
    ],
)
def test_headers_and_urls_are_bounded(
    client: TestClient, headers: dict[str, str], path: str, status: int, name: str
) -> None:
    problem_of(client.get(path, headers=headers), status, name)
