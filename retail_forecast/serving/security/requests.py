"""What a request says of itself in its headers, and what is too much."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from retail_forecast.serving.problems import ProblemError

REQUEST_ID = b"x-request-id"
MOST_HEADERS = 100
MOST_HEADER_BYTES = 32 * 1024
_GOOD_ID = re.compile(rb"[\x21-\x7e]{1,128}")
_LONG_PATH = 4096


def request_id_in(scope: Mapping[str, Any]) -> tuple[str, bool]:
    """(id, whether it was sent): the caller's own, or a new one. Raises ProblemError for headers that are too much."""
    sent = dict(scope["headers"])
    if len(scope["headers"]) > MOST_HEADERS or sum(map(len, sent.values())) > MOST_HEADER_BYTES:
        detail = f"A request may have {MOST_HEADERS} headers, whose values may have {MOST_HEADER_BYTES} bytes in all."
        raise ProblemError(431, "headers-too-large", "The headers are too large", detail)
    if len(scope["path"]) > _LONG_PATH or len(scope["query_string"]) > _LONG_PATH:
        raise ProblemError(414, "uri-too-long", "The URL is too long", f"It may have {_LONG_PATH} characters.")
    given = sent.get(REQUEST_ID)
    if given is None:
        return os.urandom(16).hex(), False
    if _GOOD_ID.fullmatch(given) is None:
        detail = "X-Request-Id: expected 1 to 128 visible ASCII characters."
        raise ProblemError(400, "invalid-request-id", "The request id is not valid", detail)
    return given.decode("ascii"), True


def address_of(scope: Mapping[str, Any], hops: int) -> str:
    """Where the request came from. hops: proxies of ours in front, each of which adds what it saw to X-Forwarded-For;
    what stands before their entries was sent by whoever asked, and is not believed.

    >>> headers = [(b"x-forwarded-for", b"1.1.1.1, 203.0.113.7")]
    >>> address_of({"headers": headers, "client": ("10.0.0.1", 5)}, 1)
    '203.0.113.7'
    >>> address_of({"headers": headers, "client": ("10.0.0.1", 5)}, 0)
    '10.0.0.1'
    """
    if hops:
        lines = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
        entries = [entry.strip() for entry in ",".join(lines).split(",") if entry.strip()]
        if len(entries) >= hops:
            return entries[-hops][:64]
    client = scope.get("client")
    return str(client[0]) if client else "unknown"
