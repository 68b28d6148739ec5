from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from starlette.testclient import TestClient

from retail_forecast.serving.security.authenticator import Authenticator
from retail_forecast.serving.security.issuer_keys import FRESH_SECONDS, KEEP_SECONDS, RETRY_SECONDS, IssuerKeys
from retail_forecast.serving.security.security import Security
from retail_forecast.serving.security.tokens import TokenVerifier
from retail_forecast_tests.serving.security.conftest import MakeClient
from retail_forecast_tests.serving.security.issuer import AUDIENCE, ISSUER, Issuer, serve_issuer
from retail_forecast_tests.serving.test_app import problem_of
from retail_forecast_tests.serving.world import until

FORECAST = "/v1/forecasts/S1/milk"


@pytest.fixture(scope="module")
def keyed_issuer() -> Iterator[Issuer]:
    with serve_issuer() as issuer:
        for algorithm in ("RS256", "ES256", "EdDSA"):
            issuer.add(algorithm, algorithm)
        yield issuer


@pytest.fixture
def issuer(keyed_issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> Issuer:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    keyed_issuer.asked, keyed_issuer.status, keyed_issuer.published = 0, 200, ["RS256", "ES256", "EdDSA"]
    return keyed_issuer


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def api(make_client: MakeClient, issuer: Issuer, clock: Clock) -> TestClient:
    verifier = TokenVerifier(ISSUER, AUDIENCE, IssuerKeys(issuer.url, clock=clock))
    return make_client(Security(Authenticator(None, verifier)))


def ask(api: TestClient, token: str, path: str = FORECAST) -> Any:
    return api.get(path, headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_token_is_taken_whichever_of_our_algorithms_signed_it(
    api: TestClient, issuer: Issuer, algorithm: str
) -> None:
    assert ask(api, issuer.token(algorithm)).status_code == 200
    assert issuer.asked == 1


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"exp": time.time() - 60}, "expired"),
        ({"exp": None}, "MissingRequiredClaim"),
        ({"iss": "https://other.example.com"}, "issuer is not"),
        ({"aud": "another-api"}, "not made out to forecasts"),
        ({"aud": None}, "MissingRequiredClaim"),
        ({"nbf": time.time() + 600}, "Immature"),
    ],
)
def test_a_token_that_does_not_hold_is_refused(
    api: TestClient, issuer: Issuer, claims: dict[str, Any], words: str
) -> None:
    token = issuer.token("ES256", **claims)
    answer = ask(api, token)
    assert words in problem_of(answer, 401, "unauthorized")["detail"]
    assert token not in answer.text


def test_the_signature_counts(api: TestClient, issuer: Issuer) -> None:
    head, body, signature = issuer.token("RS256").split(".")
    other = base64.urlsafe_b64encode(json.dumps({"iss": ISSUER, "aud": AUDIENCE, "exp": 9e9}).encode()).decode()
    problem_of(ask(api, f"{head}.{other.rstrip('=')}.{signature}"), 401, "unauthorized")
    problem_of(ask(api, f"{head}.{body}."), 401, "unauthorized")


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_other_algorithms_are_not_taken_whatever_they_prove(api: TestClient, issuer: Issuer, algorithm: str) -> None:
    secret = "" if algorithm == "none" else issuer.jwks()["keys"][0]["n"]
    claims = {"iss": ISSUER, "aud": AUDIENCE, "exp": time.time() + 60, "scope": "forecasts:read"}
    token = jwt.encode(claims, secret, algorithm=algorithm, headers={"kid": "RS256"})
    problem_of(ask(api, token), 401, "unauthorized")


def test_a_key_may_not_stand_for_another_algorithm(api: TestClient, issuer: Issuer) -> None:
    token = jwt.encode({}, issuer.private["ES256"][0], algorithm="ES256", headers={"kid": "RS256"})
    problem_of(ask(api, token), 401, "unauthorized")


@pytest.mark.parametrize("claims", [{"scp": ["what-if"]}, {"scope": "forecasts/what-if openid"}, {"scp": "what-if x"}])
def test_scopes_are_read_as_issuers_write_them(api: TestClient, issuer: Issuer, claims: dict[str, Any]) -> None:
    token = issuer.token("EdDSA", **{"scope": None, **claims})
    answer = api.post("/v1/what-if", json={}, headers={"Authorization": f"Bearer {token}"})
    problem_of(answer, 422, "invalid-request")  # it may ask, but not so
    problem_of(ask(api, token), 403, "missing-scope")


def test_a_new_key_of_the_issuer_is_found_and_one_that_is_gone_ends(
    api: TestClient, issuer: Issuer, clock: Clock
) -> None:
    assert ask(api, issuer.token("RS256")).status_code == 200
    if "new" not in issuer.private:
        issuer.add("new", "ES256")
    issuer.published = ["new"]
    problem_of(ask(api, issuer.token("new")), 401, "unauthorized")  # ten seconds have not gone by
    clock.now += RETRY_SECONDS
    assert ask(api, issuer.token("new")).status_code == 200
    problem_of(ask(api, issuer.token("RS256", sub="another")), 401, "unauthorized")


def test_strangers_cannot_make_us_ask_the_issuer_all_the_time(api: TestClient, issuer: Issuer) -> None:
    for number in range(20):
        token = jwt.encode({}, issuer.private["ES256"][0], algorithm="ES256", headers={"kid": f"made-up-{number}"})
        problem_of(ask(api, token), 401, "unauthorized")
    assert issuer.asked == 1


def test_an_issuer_that_is_down_is_told_and_its_keys_stay_for_a_day(
    api: TestClient, issuer: Issuer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    assert ask(api, issuer.token("RS256")).status_code == 200
    issuer.status = 500
    clock.now += FRESH_SECONDS + 1
    assert ask(api, issuer.token("RS256", sub="b")).status_code == 200
    until(lambda: "cannot be fetched (ValueError: it answered 500); 3 known keys stay for 86099 s" in caplog.text)
    clock.now += KEEP_SECONDS
    problem_of(ask(api, issuer.token("RS256", sub="c")), 503, "issuer-unavailable")
    issuer.status = 200
    clock.now += RETRY_SECONDS
    assert ask(api, issuer.token("RS256", sub="d")).status_code == 200


def test_text_that_is_no_token_is_refused(api: TestClient) -> None:
    for text in ("x", "a.b.c", "e30.e30.e30", "rfk_000000000000_x", "a" * 9000):
        problem_of(ask(api, text), 401, "unauthorized")
