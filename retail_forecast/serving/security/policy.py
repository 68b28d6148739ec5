"""What the settings say of who may ask; refuses to guess where the API is open to others."""

from __future__ import annotations

import ipaddress
from typing import Literal
from urllib.parse import urlsplit

from retail_forecast.errors import ConfigurationError
from retail_forecast.settings import ENVIRONMENT_PREFIX, Settings

Mode = Literal["off", "keys", "oidc", "keys,oidc"]
_AUTH = f"{ENVIRONMENT_PREFIX}AUTH"
_HANDED_ON = (
    "rate_limit", "rate_burst", "forwarded_hops", "cors_origins", "traces", "public_api_url",
    "oidc_issuer", "oidc_audience", "oidc_jwks_url",
)  # fmt: skip


def auth_mode(settings: Settings) -> Mode:
    """How callers are known. Raises ConfigurationError naming the setting where that has to be said and is not."""
    if settings.auth is None:
        if settings.endpoint == "local" and is_loopback(settings.host):
            return "off"
        where = "on a cluster" if settings.endpoint == "kuberay" else f"on {settings.host}"
        expected = f"keys, oidc or keys,oidc, because the API {where} is open to others (or off, to let everybody ask)"
        raise ConfigurationError(key=_AUTH, found=None, expected=expected)
    if "oidc" in settings.auth:
        _require_oidc(settings)
    return settings.auth


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, True, False)
    """
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def replica_environment(settings: Settings) -> dict[str, str]:
    """What a replica is told of it, as environment variables; never a key. Raises ConfigurationError."""
    told = {_AUTH: auth_mode(settings), f"{ENVIRONMENT_PREFIX}AUTH_KEYS_FILE": str(settings.keys_path)}
    for name in _HANDED_ON:  # those without a value, too: the process that carries Ray may have been started with one
        value = getattr(settings, name)
        told[f"{ENVIRONMENT_PREFIX}{name.upper()}"] = "" if value is None else str(value)
    return told


def _require_oidc(settings: Settings) -> None:
    for name in ("oidc_issuer", "oidc_audience", "oidc_jwks_url"):
        if not getattr(settings, name):
            expected = f"a value, which {_AUTH}={settings.auth} needs"
            raise ConfigurationError(key=f"{ENVIRONMENT_PREFIX}{name.upper()}", found=None, expected=expected)
    url = urlsplit(str(settings.oidc_jwks_url))
    if url.scheme != "https" and not (url.scheme == "http" and is_loopback(url.hostname or "")):
        key, found = f"{ENVIRONMENT_PREFIX}OIDC_JWKS_URL", settings.oidc_jwks_url
        raise ConfigurationError(
            key=key, found=found, expected="an https:// URL: whoever serves it decides who may ask"
        )
