from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from retail_forecast.serving.app import build_app
from retail_forecast.serving.metrics import Metrics
from retail_forecast.serving.security.security import Security
from retail_forecast.serving.security.throttle import Throttle
from retail_forecast.serving.state import ServingState
from retail_forecast_tests.serving.conftest import World

DASHBOARD = Path(__file__).parents[2] / "deploy" / "grafana" / "endpoint.json"
FORECAST = "/v1/forecasts/S1/milk"


@pytest.fixture
def api(serving: ServingState) -> Any:
    """A fresh API, whose counts begin at nothing."""
    with TestClient(build_app(serving, security=Security(throttle=Throttle(0.001, burst=6)))) as client:
        yield client


def samples(api: TestClient, name: str) -> dict[tuple[str, ...], float]:
    """Values by the texts of their labels."""
    found = [one for family in families(api.app.state.metrics.render()).values() for one in family.samples]  # type: ignore[attr-defined]
    return {tuple(sorted(one.labels.values())): one.value for one in found if one.name == name}


def families(text: bytes) -> dict[str, Any]:
    return {one.name: one for one in text_string_to_metric_families(text.decode())}


def test_a_lookup_that_the_caller_has_already_is_counted_apart(api: TestClient, world: World) -> None:
    etag = api.get(FORECAST).headers["etag"]
    assert api.get(FORECAST, headers={"If-None-Match": etag}).status_code == 304
    counted = samples(api, "retail_forecast_requests_total")
    route = "/v1/forecasts/{store_id}/{item_id:path}"
    assert {status: value for labels, value in counted.items() for status in labels if status in ("200", "304")} == {
        "200": 1,
        "304": 1,
    }
    assert all(route in labels and world.first.id in labels for labels in counted)


def test_who_is_turned_away_is_counted_by_the_reason(api: TestClient) -> None:
    for _ in range(8):
        api.get(FORECAST)
    assert samples(api, "retail_forecast_refusals_total") == {("rate_limited",): 2}


def test_methods_that_nobody_knows_do_not_fill_the_metrics(api: TestClient) -> None:
    for number in range(5):
        api.request(f"MADE-UP-{number}", FORECAST)
    assert len(samples(api, "retail_forecast_requests_total")) == 1


def test_nothing_is_under_way_when_all_is_answered(api: TestClient) -> None:
    api.get(FORECAST)
    assert samples(api, "retail_forecast_requests_in_flight") == {(): 0}


def test_metrics_are_named_as_prometheus_wants_them(api: TestClient) -> None:
    api.get(FORECAST)
    for name, family in families(api.get("/metrics").content).items():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name), name
        assert family.documentation.endswith("."), name
        assert name.startswith("retail_forecast_"), name
        assert not re.search(r"_(count|sum|bucket|info)$|milli|_ms|counter|gauge", name), name  # promtool's rules
        assert "le" not in {label for one in family.samples for label in one.labels} or family.type == "histogram"


def test_the_dashboard_asks_for_metrics_and_labels_that_there_are(api: TestClient, world: World) -> None:
    for _ in range(8):
        api.get(FORECAST)
    metrics: Metrics = api.app.state.metrics  # type: ignore[attr-defined]
    metrics.show(vintage=world.first.id, model_version="1", degraded=False, failed=False)
    found = [one for family in families(metrics.render()).values() for one in family.samples]
    panels = json.loads(DASHBOARD.read_text())["panels"]
    asked = [target["expr"] for panel in panels for target in panel["targets"]]
    assert len(panels) == 10
    assert {name for text in asked for name in re.findall(r"retail_forecast_\w+", text)} <= {one.name for one in found}
    grouped = {label for text in asked for group in re.findall(r"by \(([^)]*)\)", text) for label in group.split(", ")}
    assert grouped == {"status", "le", "route", "reason", "vintage", "model_version"}
    assert grouped <= {label for one in found for label in one.labels}
