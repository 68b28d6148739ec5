from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from retail_forecast.serving.strict_json import parse_json
from retail_forecast_tests.serving.test_app import problem_of

SERIES = '{"store_id": "S1", "item_id": "milk"}'


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"series": [' + SERIES + '], "series": []}', "'series' comes twice"),
        ('{"series": NaN}', "NaN is no number"),
        ('{"series": [-Infinity]}', "-Infinity is no number"),
        ('{"series": ' + "1" * 5000 + "}", "4300 digits"),
        ("[" * 200_000, "nested too deeply"),
        ('{"series":' * 100_000, "nested too deeply"),
        (b'{"series": ["\xff"]}', "not UTF-8"),
        ('{"series": [{"store_id": "\\ud800", "item_id": "x"}]}', "half a surrogate"),
        ('{"series": []} x', "Extra data"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/forecasts", "/v1/what-if"])
def test_bodies_that_parsers_disagree_on_are_refused(
    client: TestClient, path: str, body: str | bytes, words: str
) -> None:
    started = time.perf_counter()
    answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert words in json.dumps(problem_of(answer, 422, "invalid-request"))
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x", ""])
def test_a_body_that_is_said_to_be_something_else_is_refused(client: TestClient, content_type: str) -> None:
    answer = client.post("/v1/forecasts", content=f'{{"series": [{SERIES}]}}', headers={"Content-Type": content_type})
    problem_of(answer, 422, "invalid-request")


def test_a_compressed_body_is_not_unpacked(client: TestClient) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    problem_of(client.post("/v1/forecasts", content=b"\x1f\x8b\x08\x00bomb", headers=headers), 422, "invalid-request")


_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@settings(max_examples=60, deadline=None)
@given(_values)
def test_what_is_json_is_read_as_python_reads_it(value: Any) -> None:
    assert parse_json(json.dumps(value).encode()) == value


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_do_anything_but_parse_or_be_refused(body: bytes) -> None:
    try:
        parse_json(body)
    except json.JSONDecodeError:
        return
