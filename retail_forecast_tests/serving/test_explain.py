from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from starlette.testclient import TestClient

from retail_forecast_tests.serving.conftest import World
from retail_forecast_tests.serving.test_app import problem_of
from retail_forecast_tests.serving.world import ITEMS, STORES


def exact(value: float) -> Decimal:
    return Decimal(str(value))


def is_whole(units: dict[str, Any]) -> bool:
    parts = [units["expected"], *units["contributions"].values()]
    return sum(map(exact, parts)) == exact(units["mean"])


@pytest.mark.parametrize("item", ITEMS)  # eggs/6 is a cold start
@pytest.mark.parametrize("store", STORES)
def test_what_is_shown_adds_up_to_the_published_forecast_digit_by_digit(
    client: TestClient, store: str, item: str
) -> None:
    body = client.get(f"/v1/explain/{store}/{item}").json()
    published = client.get(f"/v1/forecasts/{store}/{item}").json()["forecasts"]
    assert [(one["date"], one["lead"], one["mean"]) for one in body["periods"]] == [
        (one["date"], one["lead"], one["mean"]) for one in published
    ]
    assert all(is_whole(one) for one in [*body["periods"], body["total"]])
    assert exact(body["total"]["mean"]) == sum(exact(one["mean"]) for one in published)


def test_an_explanation_names_its_drivers_and_where_it_comes_from(client: TestClient, world: World) -> None:
    body = client.get("/v1/explain/S1/milk").json()
    assert body["drivers"] == ["level", "trend", "season", "price", "promotion", "events", "other"]
    assert list(body["periods"][0]["contributions"]) == body["drivers"]
    assert (body["vintage"], body["model_version"], body["cutoff"]) == (world.first.id, "1", "2024-09-30")


def test_a_day_with_a_lower_price_or_promotion_sells_more_because_of_them(client: TestClient, world: World) -> None:
    rows = world.rows.filter(store_id="S1", item_id="bread").sort("date").tail(7)
    periods = client.get("/v1/explain/S1/bread").json()["periods"]
    gains = [sum(one["contributions"][name] for name in ("price", "promotion")) for one in periods]
    promoted = rows["promotion"].to_list()
    assert any(promoted)
    assert min(gain for gain, on in zip(gains, promoted, strict=True) if on) > max(
        gain for gain, on in zip(gains, promoted, strict=True) if not on
    )


def test_an_unknown_series_has_no_explanation(client: TestClient) -> None:
    problem_of(client.get("/v1/explain/S1/tea"), 404, "unknown-item")
    problem_of(client.get("/v1/explain/S9/milk"), 404, "unknown-store")
