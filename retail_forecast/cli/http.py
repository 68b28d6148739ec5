"""Small HTTP questions to our own processes on this machine; no proxy is asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from retail_forecast.errors import RetailForecastError

_SECONDS = 60  # a busy machine answers late, and what is down refuses at once


def get_json(url: str, *, seconds: float = _SECONDS, headers: Mapping[str, str] | None = None) -> Any:
    """The JSON behind a URL. Raises RetailForecastError with the server's own words."""
    return _ask(Request(url, headers={"accept": "application/json", **(headers or {})}), seconds)  # noqa: S310 our own http URLs


def post_json(url: str, body: Any, *, seconds: float = _SECONDS) -> Any:
    """The JSON answer to a JSON body. Raises RetailForecastError with the server's own words."""
    headers = {"content-type": "application/json", "accept": "application/json"}
    return _ask(Request(url, data=json.dumps(body).encode(), headers=headers), seconds)  # noqa: S310 as above


def answers(url: str) -> bool:
    """Whether something answers there with a success."""
    try:
        get_json(url)
    except RetailForecastError:
        return False
    return True


def _ask(request: Request, seconds: float) -> Any:
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=seconds) as response:
            text = response.read().decode()
    except HTTPError as error:
        words = error.read().decode(errors="replace")[:500]
        raise RetailForecastError(f"{request.full_url} answered {error.code}: {words}") from error
    except OSError as error:
        raise RetailForecastError(f"{request.full_url} does not answer: {error}") from error
    return json.loads(text) if text.lstrip()[:1] in ("{", "[") else text
