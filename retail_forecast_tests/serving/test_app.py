from __future__ import annotations

import json
import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from retail_forecast.lake import open_lake
from retail_forecast.lake.retention import retire_vintage
from retail_forecast.lake.vintages import put_in_force
from retail_forecast.serving.app import build_app
from retail_forecast.serving.state import ServingState
from retail_forecast_tests.serving.conftest import World
from retail_forecast_tests.serving.world import HORIZON, forecasts_of, publish


def problem_of(response: Any, status: int, name: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["type"] == f"urn:retail-forecast:problem:{name}"
    assert {"title", "status", "detail", "instance"} <= set(body)
    return body


def test_a_forecast_is_the_published_row(client: TestClient, world: World) -> None:
    body = client.get("/v1/forecasts/S1/milk").json()
    rows = forecasts_of(world.lake_url, world.first.id)
    rows = rows.filter(store_id="S1", item_id="milk").sort("date")
    assert [one["mean"] for one in body["forecasts"]] == pytest.approx(rows["mean"].to_list(), abs=1e-4)
    assert body["forecasts"][0]["quantiles"]["0.95"] == pytest.approx(rows["q0.95"][0], abs=1e-4)
    assert [one["lead"] for one in body["forecasts"]] == list(range(1, HORIZON + 1))


def test_every_answer_says_where_it_comes_from(client: TestClient, world: World) -> None:
    for path in ("/v1/forecasts/S1/milk", "/v1/stores", "/v1/model", "/v1/forecasts/S9/milk", "/livez", "/nothing"):
        response = client.get(path)
        assert response.json()["vintage"] == world.first.id, path
        assert response.json()["model_version"] == "1", path
        assert response.json()["cutoff"] == "2024-09-30", path
        assert response.headers["x-forecast-vintage"] == world.first.id


def test_an_item_may_have_a_slash_in_its_name(client: TestClient) -> None:
    assert client.get("/v1/forecasts/S1/eggs%2F6").json()["item_id"] == "eggs/6"
    assert client.get("/v1/forecasts/S1/eggs/6").status_code == 200


def test_an_unknown_store_is_named_with_the_way_to_list_them(client: TestClient) -> None:
    body = problem_of(client.get("/v1/forecasts/S3/milk"), 404, "unknown-store")
    assert "'S3'" in body["detail"]
    assert "GET /v1/stores" in body["detail"]
    assert body["store_id"] == "S3"


def test_a_misspelt_item_gets_a_suggestion(client: TestClient) -> None:
    body = problem_of(client.get("/v1/forecasts/S1/mlik"), 404, "unknown-item")
    assert "Did you mean 'milk'?" in body["detail"]


def test_a_batch_keeps_its_order_and_lists_what_is_unknown(client: TestClient) -> None:
    keys = [("S2", "milk"), ("S1", "milk"), ("S1", "tea")]
    body = client.post("/v1/forecasts", json={"series": [{"store_id": s, "item_id": i} for s, i in keys]}).json()
    assert [(one["store_id"], one["item_id"]) for one in body["series"]] == keys[:2]
    assert body["unknown"] == [{"store_id": "S1", "item_id": "tea"}]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"series": []}, "at least 1"),
        ({"series": [{"store_id": "S1"}]}, "item_id"),
        ({"series": [{"store_id": "S1", "item_id": 5}]}, "string"),
        ({"series": [{"store_id": "S1", "item_id": "milk"}] * 2}, "asked for twice"),
        ({"series": [{"store_id": "S1", "item_id": "milk", "horizon": 3}]}, "horizon"),
        ({"serie": []}, "series"),
        ({"series": [{"store_id": "S1", "item_id": str(n)} for n in range(1001)]}, "1000"),
    ],
)
def test_a_batch_is_checked_strictly(client: TestClient, body: dict[str, Any], words: str) -> None:
    found = problem_of(client.post("/v1/forecasts", json=body), 422, "invalid-request")
    assert words in json.dumps(found)


def test_text_that_is_no_json_is_refused_with_its_place(client: TestClient) -> None:
    problem_of(client.post("/v1/forecasts", content=b'{"series": ['), 422, "invalid-request")


def test_parameters_that_nothing_reads_are_refused(client: TestClient) -> None:
    body = problem_of(client.get("/v1/forecasts/S1/milk?horizon=3"), 422, "invalid-request")
    assert "horizon" in body["detail"]


def test_a_body_that_is_too_large_is_refused(client: TestClient) -> None:
    response = client.post("/v1/forecasts", content=b" " * 2_000_000)
    assert response.status_code == 413
    assert response.json()["type"] == "urn:retail-forecast:problem:too-large"


def test_unknown_routes_and_methods_are_problems_too(client: TestClient) -> None:
    problem_of(client.get("/v2/forecasts"), 404, "no-such-route")
    body = problem_of(client.delete("/v1/model"), 405, "method-not-allowed")
    assert "GET" in body["detail"]


def test_stores_and_items_can_be_listed_page_by_page(client: TestClient) -> None:
    assert client.get("/v1/stores").json()["stores"] == [{"store_id": "S1", "items": 3}, {"store_id": "S2", "items": 3}]
    page = client.get("/v1/stores/S1/items?limit=2").json()
    assert (page["items"], page["next"]) == (["bread", "eggs/6"], "eggs/6")
    page = client.get("/v1/stores/S1/items", params={"limit": 2, "after": page["next"]}).json()
    assert (page["items"], page["next"]) == (["milk"], None)


def test_lineage_names_every_input_object_and_can_be_filtered(client: TestClient, world: World) -> None:
    body = client.get(f"/v1/lineage/{world.first.id}").json()
    assert [one["partition"] for one in body["inputs"]["sales"]] == ["2024-09-29", "2024-09-30"]
    assert {"object", "e_tag", "sha256", "rows"} <= set(body["inputs"]["sales"][0])
    one = client.get(f"/v1/lineage/{world.first.id}?table=sales&partition=2024-09-30").json()
    assert one["inputs"] == {"sales": [body["inputs"]["sales"][1]]}
    assert set(client.get(f"/v1/lineage/{world.first.id}?partition=all").json()["inputs"]) == {"prices"}


def test_lineage_of_another_vintage_is_found_in_the_lake(client: TestClient, world: World) -> None:
    assert client.get(f"/v1/lineage/{world.second.id}").json()["model_version"] == "2"


def test_lineage_of_a_vintage_whose_forecasts_were_removed_is_what_it_was(client: TestClient, world: World) -> None:
    lake = open_lake(world.lake_url)
    old = publish(lake, world.bundle, world.rows, version="old")
    put_in_force(lake, world.first.id)
    before = client.get(f"/v1/lineage/{old.id}").json()
    assert retire_vintage(lake, old.id).objects > 0
    assert client.get(f"/v1/lineage/{old.id}").json() == before


def test_lineage_of_nothing_says_what_there_is(client: TestClient, world: World) -> None:
    body = problem_of(client.get("/v1/lineage/2020-01-01-abc"), 404, "unknown-vintage")
    assert world.first.id in body["detail"]
    body = problem_of(client.get(f"/v1/lineage/{world.first.id}?table=shops"), 404, "unknown-table")
    assert "sales" in body["detail"]
    body = problem_of(client.get(f"/v1/lineage/{world.first.id}?partition=1999-01-01"), 404, "unknown-partition")
    assert "2024-09-29" in body["detail"]
    problem_of(client.get("/v1/lineage/..%2F..%2Fetc"), 404, "no-such-route")
    problem_of(client.get("/v1/lineage/a.b"), 422, "invalid-request")


def test_the_model_says_what_a_what_if_may_change(client: TestClient) -> None:
    body = client.get("/v1/model").json()
    assert body["known_future"] == {"sell_price": "float", "promotion": "boolean", "event": "category"}
    assert body["status"]["status"] == "ready"


def test_without_forecasts_a_replica_lives_but_is_not_ready() -> None:
    with TestClient(build_app(ServingState())) as client:
        assert client.get("/livez").status_code == 200
        assert client.get("/readyz").status_code == 503
        response = client.get("/v1/forecasts/S1/milk")
        body = problem_of(response, 503, "no-forecasts")
    assert "retail-forecast run" in body["detail"]
    assert response.headers["retry-after"] == "5"


def test_a_bug_is_a_problem_without_its_insides(world: World, serving: ServingState) -> None:
    app = build_app(serving)

    def fail() -> None:
        raise RuntimeError("secret")

    app.add_api_route("/fail", fail)
    with TestClient(app, raise_server_exceptions=False) as client:
        response = client.get("/fail")
    problem_of(response, 500, "internal")
    assert "secret" not in response.text


def test_the_documentation_asks_no_other_host(client: TestClient) -> None:
    page = client.get("/docs").text
    assets = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(assets) == 4
    for asset in assets:
        assert client.get(asset).status_code == 200, asset
    assert "http" not in page
    assert not re.search(r"<script(?! src=)", page)  # browsers run none that is written in the page
    assert '"validatorUrl": null' in client.get("/docs-assets/start.js").text


def test_the_openapi_document_describes_answers_and_problems(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    lookup = document["paths"]["/v1/forecasts/{store_id}/{item_id}"]["get"]
    assert lookup["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("ForecastAnswer")
    assert "application/problem+json" in lookup["responses"]["404"]["content"]


def test_metrics_count_by_route_vintage_and_model(client: TestClient, world: World) -> None:
    client.get("/v1/forecasts/S1/bread")
    text = client.get("/metrics").text
    line = next(
        one for one in text.splitlines() if one.startswith("retail_forecast_requests_total") and "item_id" in one
    )
    assert f'vintage="{world.first.id}"' in line
    assert 'model_version="1"' in line
