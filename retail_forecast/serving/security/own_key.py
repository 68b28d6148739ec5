"""The key that this platform itself asks the API with: to prove a deployment, to measure, to check live answers."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from retail_forecast.serving.security.callers import SCOPES
from retail_forecast.serving.security.keys import KeyFile, find_record, make_key, read_keys, write_keys
from retail_forecast.settings import Settings

NAME = "retail-forecast"
_FILE = "own-key"


def own_headers(settings: Settings) -> dict[str, str]:
    """What our own requests carry; empty where nobody asks for it.

    The key is RETAIL_FORECAST_API_KEY, else the one that `make_own_key` left below HOME/serve.
    """
    if settings.api_key is not None:
        return {"X-API-Key": settings.api_key.get_secret_value()}
    with suppress(FileNotFoundError):
        return {"X-API-Key": _path(settings).read_text().strip()}
    return {}


def make_own_key(settings: Settings) -> None:
    """Sees to it that an API on this machine which asks for keys knows ours; makes a new one if need be."""
    if "keys" not in (settings.auth or "") or settings.endpoint != "local" or settings.api_key is not None:
        return
    known, path = read_keys(settings.keys_path).keys, _path(settings)
    with suppress(FileNotFoundError):
        if find_record({one.id: one for one in known}, path.read_text().strip()) is not None:
            return
    key, record = make_key(NAME, SCOPES)
    write_keys(settings.keys_path, KeyFile(keys=[*(one for one in known if one.name != NAME), record]))
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as sink:
        sink.write(key)


def _path(settings: Settings) -> Path:
    return settings.home.resolve() / "serve" / _FILE
