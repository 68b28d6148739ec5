from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from retail_forecast.errors import ConfigurationError
from retail_forecast.serving.security.key_ring import KeyRing
from retail_forecast.serving.security.own_key import make_own_key, own_headers
from retail_forecast.serving.security.policy import auth_mode, replica_environment
from retail_forecast.serving.security.security import Security
from retail_forecast.settings import Settings

OIDC: dict[str, Any] = {"oidc_issuer": "https://id.example.com", "oidc_audience": "forecasts"}


def test_on_a_laptop_everybody_may_ask(tmp_path: Path) -> None:
    assert auth_mode(Settings(home=tmp_path)) == "off"
    assert Security.of(Settings(home=tmp_path)).authenticator is None


@pytest.mark.parametrize("given", [{"host": "0.0.0.0"}, {"host": "10.0.0.7"}, {"endpoint": "kuberay"}])
def test_elsewhere_who_may_ask_has_to_be_said(given: dict[str, Any], tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, **given)
    for refuse in (auth_mode, replica_environment, Security.of):
        with pytest.raises(ConfigurationError, match=r"RETAIL_FORECAST_AUTH: found None; expected keys, oidc"):
            refuse(settings)


def test_off_may_be_said_and_is_told_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert Security.of(Settings(home=tmp_path, host="0.0.0.0", auth="off")).authenticator is None
    assert "whoever reaches this API may ask it" in caplog.text


def test_oidc_needs_its_three_settings_and_https(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"RETAIL_FORECAST_OIDC_ISSUER"):
        auth_mode(Settings(home=tmp_path, auth="oidc"))
    with pytest.raises(ConfigurationError, match=r"OIDC_JWKS_URL.*an https:// URL"):
        auth_mode(Settings(home=tmp_path, auth="oidc", oidc_jwks_url="http://id.example.com/jwks", **OIDC))


def test_a_replica_is_told_everything_but_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = replica_environment(Settings(home=tmp_path, auth="keys", api_key=SecretStr("secret"), rate_limit=5))
    assert "secret" not in str(told)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    security = Security.of(Settings())
    assert security.authenticator is not None
    assert security.throttle is not None
    assert (security.throttle.rate, security.throttle.burst) == (5, 10)


def test_the_platform_makes_a_key_of_its_own_once(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, auth="keys")
    make_own_key(settings)
    first = own_headers(settings)
    make_own_key(settings)
    assert own_headers(settings) == first
    caller = KeyRing(settings.keys_path).caller_of(first["X-API-Key"])
    assert caller is not None
    assert (caller.name, caller.may("operations")) == ("key:retail-forecast", True)
    assert own_headers(Settings(home=tmp_path, api_key=SecretStr("given"))) == {"X-API-Key": "given"}


def test_the_settings_show_no_key(tmp_path: Path) -> None:
    assert "given" not in str(Settings(home=tmp_path, api_key=SecretStr("given")).describe())
