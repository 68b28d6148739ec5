from __future__ import annotations

import stat
import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from retail_forecast.errors import ConfigurationError, NotFoundError
from retail_forecast.serving.security.authenticator import Authenticator
from retail_forecast.serving.security.key_ring import KeyRing
from retail_forecast.serving.security.keys import add_key, make_key, read_keys, revoke_key
from retail_forecast.serving.security.security import Security
from retail_forecast_tests.serving.security.conftest import MakeClient
from retail_forecast_tests.serving.test_app import problem_of
from retail_forecast_tests.serving.world import until

FORECAST = "/v1/forecasts/S1/milk"


def test_without_a_key_nothing_is_told_but_whether_it_lives(with_keys: TestClient) -> None:
    answer = with_keys.get(FORECAST)
    assert "X-API-Key" in problem_of(answer, 401, "unauthorized")["detail"]
    assert answer.headers["www-authenticate"].startswith("Bearer ")
    for path in ("/v1/stores", "/v1/what-if", "/metrics", "/v1/lineage/x", "/nothing"):
        assert with_keys.get(path).status_code == 401, path
    for path in ("/livez", "/readyz", "/docs", "/openapi.json"):
        assert with_keys.get(path).status_code == 200, path


def test_a_key_is_taken_in_either_header(with_keys: TestClient, planner: str) -> None:
    assert with_keys.get(FORECAST, headers={"X-API-Key": planner}).status_code == 200
    assert with_keys.get(FORECAST, headers={"Authorization": f"Bearer {planner}"}).status_code == 200
    both = {"X-API-Key": planner, "Authorization": f"Bearer {planner}"}
    assert "More than one" in problem_of(with_keys.get(FORECAST, headers=both), 401, "unauthorized")["detail"]


@pytest.mark.parametrize("wrong", ["", "rfk_", "rfk_0123456789ab_x", "nonsense", "Basic abc", "\xe9"])
def test_a_wrong_key_is_refused(with_keys: TestClient, wrong: str) -> None:
    problem_of(with_keys.get(FORECAST, headers={b"X-API-Key": wrong.encode("latin-1")}), 401, "unauthorized")


def test_a_key_with_another_secret_is_refused(with_keys: TestClient, planner: str) -> None:
    changed = planner[:-1] + ("a" if planner[-1] != "a" else "b")
    answer = with_keys.get(FORECAST, headers={"X-API-Key": changed})
    problem_of(answer, 401, "unauthorized")
    assert changed not in answer.text


def test_a_scope_too_few_is_named(with_keys: TestClient, planner: str) -> None:
    answer = with_keys.post("/v1/what-if", json={}, headers={"X-API-Key": planner})
    body = problem_of(answer, 403, "missing-scope")
    assert (body["scope"], "key:planner" in body["detail"]) == ("what-if", True)
    assert 'scope="what-if"' in answer.headers["www-authenticate"]


def test_an_answer_to_a_key_is_kept_by_nobody_else(with_keys: TestClient, planner: str) -> None:
    answer = with_keys.get(FORECAST, headers={"X-API-Key": planner})
    assert "private" in answer.headers["cache-control"]
    assert "X-API-Key" in answer.headers["vary"]


def test_a_key_is_revoked_and_made_while_the_replica_answers(
    with_keys: TestClient, planner: str, keys_path: Path
) -> None:
    def status(key: str) -> int:
        return int(with_keys.get(FORECAST, headers={"X-API-Key": key}).status_code)

    assert status(planner) == 200
    revoke_key(keys_path, "planner")
    until(lambda: status(planner) == 401, seconds=10)
    key, record = make_key("other", ["forecasts:read"])
    add_key(keys_path, record)
    until(lambda: status(key) == 200, seconds=10)


def test_a_key_ends_when_it_says(make_client: MakeClient, keys_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, record = make_key("guest", ["forecasts:read"], days=1)
    add_key(keys_path, record)
    client = make_client(Security(Authenticator(KeyRing(keys_path), None)))
    assert client.get(FORECAST, headers={"X-API-Key": key}).status_code == 200
    tomorrow = time.time() + 86_401
    monkeypatch.setattr("retail_forecast.serving.security.authenticator.time.time", lambda: tomorrow)
    assert client.get(FORECAST, headers={"X-API-Key": key}).status_code == 401


def test_a_file_that_cannot_be_understood_changes_nothing_and_is_told(
    keys_path: Path, planner: str, caplog: pytest.LogCaptureFixture
) -> None:
    now = [0.0]
    ring = KeyRing(keys_path, clock=lambda: now[0])
    keys_path.write_text('{"keys": [')
    now[0] = 2.0
    ring.refresh()
    assert ring.caller_of(planner) is not None
    assert "stay what they were" in caplog.text
    keys_path.unlink()
    now[0] = 4.0
    ring.refresh()
    assert ring.caller_of(planner) is None  # no file, no key


def test_the_file_is_looked_at_once_a_second_at_most(keys_path: Path, planner: str) -> None:
    now = [0.0]
    ring = KeyRing(keys_path, clock=lambda: now[0])
    keys_path.unlink()
    now[0] = 0.9
    ring.refresh()
    assert ring.caller_of(planner) is not None


def test_the_file_holds_hashes_for_its_owner_alone(keys_path: Path, planner: str) -> None:
    assert planner not in keys_path.read_text()
    assert planner.split("_", 2)[2] not in keys_path.read_text()
    assert stat.S_IMODE(keys_path.stat().st_mode) == 0o600
    assert read_keys(keys_path).keys[0].name == "planner"


def test_names_and_scopes_are_checked(keys_path: Path, planner: str) -> None:
    with pytest.raises(ConfigurationError, match=r"found 'everything'; expected one of forecasts:read"):
        make_key("x", ["everything"])
    with pytest.raises(ConfigurationError, match=r"a b"):
        make_key("a b", ["what-if"])
    with pytest.raises(ConfigurationError, match=r"keys revoke planner"):
        add_key(keys_path, make_key("planner", ["what-if"])[1])
    with pytest.raises(NotFoundError, match=r"There are: planner"):
        revoke_key(keys_path, "nobody")
