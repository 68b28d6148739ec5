from __future__ import annotations

import json
import logging
import os
import pwd
import stat
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from retail_forecast.serving.security.authenticator import Authenticator
from retail_forecast.serving.security.key_ring import KeyRing
from retail_forecast.serving.security.keys import add_key, make_key
from retail_forecast.serving.security.security import Security
from retail_forecast.telemetry.audit import LOGGER, audit_person
from retail_forecast.telemetry.logs import JsonFormatter
from retail_forecast_tests.serving.conftest import World
from retail_forecast_tests.serving.security.conftest import MakeClient

CHANGES = [{"values": {"sell_price": 1.25}}]


@pytest.fixture
def asker(make_client: MakeClient, keys_path: Path) -> TestClient:
    """An API with a client that may ask what-if."""
    key, record = make_key("sue", ["what-if"])
    add_key(keys_path, record)
    client = make_client(Security(Authenticator(KeyRing(keys_path), None)))
    client.headers["X-API-Key"] = key
    return client


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The audit log as JSON lines, made as they are logged."""
    return [json.loads(text) for text in caplog.text.splitlines() if text.startswith("{")]


@pytest.fixture
def audited(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, LOGGER)
    caplog.handler.setFormatter(JsonFormatter())
    return caplog


def test_a_what_if_is_written_down_with_who_asked_and_from_what_it_was_answered(
    asker: TestClient, world: World, audited: pytest.LogCaptureFixture
) -> None:
    asked = {"store_id": "S1", "item_id": "milk", "changes": CHANGES}
    assert asker.post("/v1/what-if", json=asked, headers={"X-Request-Id": "r-1"}).status_code == 200
    (line,) = lines(audited)
    assert (line["logger"], line["action"], line["caller"]) == (LOGGER, "what-if", "key:sue")
    assert (line["series"], line["status"], line["request_id"]) == ("S1/milk", 200, "r-1")
    assert (line["vintage"], line["scope"], line["route"]) == (world.first.id, "what-if", "/v1/what-if")
    assert "1.25" not in audited.text
    assert asker.headers["X-API-Key"] not in audited.text


def test_a_what_if_that_is_refused_is_written_down_with_its_status(
    asker: TestClient, audited: pytest.LogCaptureFixture
) -> None:
    asker.post("/v1/what-if", json={"store_id": "S1", "item_id": "tea", "changes": CHANGES})
    asker.post("/v1/what-if", json={"store_id": "S1", "item_id": "milk", "changes": [{"values": {"mood": 1}}]})
    asker.post("/v1/what-if", json={"store_id": "S1", "item_id": "milk"})
    assert [line["status"] for line in lines(audited)] == [404, 422, 422]


def test_a_what_if_of_several_series_names_the_first_and_counts_the_others(
    asker: TestClient, audited: pytest.LogCaptureFixture
) -> None:
    series = [{"store_id": "S1", "item_id": item} for item in ("milk", "bread", "tea")]
    asker.post("/v1/what-if", json={"series": series, "changes": CHANGES})
    asker.post("/v1/what-if", json={"series": [[]], "changes": CHANGES})
    assert [line["series"] for line in lines(audited)] == ["S1/milk and 2 more", "None/None and 0 more"]


def test_equal_scenarios_have_the_same_digest_and_others_another(
    asker: TestClient, audited: pytest.LogCaptureFixture
) -> None:
    for text in ('[{"values": {"a": 1, "b": 2}}]', '[ {"values":{"b":2,"a":1}} ]', '[{"values": {"a": 2}}]'):
        asker.post("/v1/what-if", content=f'{{"store_id": "S1", "item_id": "milk", "changes": {text}}}')
    first, second, third = (line["changes"] for line in lines(audited))
    assert first == second != third


@pytest.mark.parametrize("body", [b"", b"[", b"[1]", b'"\\ud800"', b'{"store_id": {"a": "\\ud800"}}', b"[" * 100_000])
def test_a_question_that_makes_no_sense_is_written_down_too(
    asker: TestClient, audited: pytest.LogCaptureFixture, body: bytes
) -> None:
    assert asker.post("/v1/what-if", content=body).status_code in (400, 422)
    assert [line["status"] in (400, 422) for line in lines(audited)] == [True]


def test_what_a_person_does_stays_below_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "operators")
    monkeypatch.setenv("USER", "somebody-else")
    audit_person(tmp_path, "promote", model_version="3")
    audit_person(tmp_path, "deploy", vintage="v")
    found = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert [line["action"] for line in found] == ["promote", "deploy"]
    assert found[0]["caller"].startswith(f"user:{pwd.getpwuid(os.getuid()).pw_name}@")
    assert found[0]["caller"].endswith(" as operators")
    assert stat.S_IMODE((tmp_path / "audit.jsonl").stat().st_mode) == 0o600
