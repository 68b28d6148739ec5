from __future__ import annotations

import polars as pl
import pytest
from starlette.testclient import TestClient

from retail_forecast.serving.search import SearchIndex
from retail_forecast_tests.serving.test_app import problem_of


@pytest.fixture(scope="module")
def index() -> SearchIndex:
    levels = {
        "store_id": ["Chợ Lớn", "S10", "S1"],
        "item_id": ["Sữa Đặc", "S1-milk"],
        "store_id/item_id": ["Chợ Lớn/Sữa Đặc", "S1/S1-milk", "S1/a%2Fb"],
    }
    return SearchIndex.build([(name, pl.Series(groups)) for name, groups in levels.items()])


def groups_of(index: SearchIndex, query: str, limit: int = 20) -> list[str]:
    return [match["group"] for match in index.find(query, limit)[0]]


def test_whole_names_come_before_parts_and_beginnings(index: SearchIndex) -> None:
    # S1 is it; S1/… have it as a part; S10 and S1-milk begin with it
    assert groups_of(index, "s1") == ["S1", "S1/S1-milk", "S1/a%2Fb", "S10", "S1-milk"]


def test_every_word_has_to_be_there(index: SearchIndex) -> None:
    assert groups_of(index, "milk s1") == ["S1/S1-milk", "S1-milk"]  # of one, s1 is a whole part
    assert index.find("milk bread", 20) == ([], 0)


def test_case_and_accents_make_no_difference(index: SearchIndex) -> None:
    assert groups_of(index, "SUA dac") == groups_of(index, "sữa đặc") == ["Sữa Đặc", "Chợ Lớn/Sữa Đặc"]


def test_the_number_of_matches_does_not_depend_on_the_limit(index: SearchIndex) -> None:
    matches, total = index.find("s1", 2)
    assert (len(matches), total) == (2, 5)


def test_a_series_has_its_keys(index: SearchIndex) -> None:
    (match,), _ = index.find("a/b", 20)
    assert match == {"level": "store_id/item_id", "group": "S1/a%2Fb", "store_id": "S1", "item_id": "a/b"}


def test_a_pattern_is_only_text(index: SearchIndex) -> None:
    assert index.find(".* [", 20) == ([], 0)
    assert index.find("\u0301", 20) == ([], 0)  # an accent without a letter leaves no word


def test_a_search_over_http_names_levels_and_series(client: TestClient) -> None:
    body = client.get("/v1/search", params={"q": "s1"}).json()
    assert body["matches"][0] == {"level": "store_id", "group": "S1"}
    assert body["total"] == 4
    problem_of(client.get("/v1/search", params={"q": "  "}), 422, "invalid-request")
