"""GET /v1/forecasts/{store_id}/{item_id} as plain ASGI, before FastAPI: bytes that were encoded when the vintage came.

What it cannot answer (an unknown series, a query, no vintage) goes on to the route of the same path, which says why.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send

from retail_forecast.serving.answers import PublishedAnswers
from retail_forecast.serving.compression import LEAST_BYTES, compressed
from retail_forecast.serving.negotiation import choose_coding
from retail_forecast.serving.state import ServingState

PREFIX = "/v1/forecasts/"
PATH = "/v1/forecasts/{store_id}/{item_id:path}"

Headers = list[tuple[bytes, bytes]]

_ALWAYS: Headers = [
    (b"cache-control", b"no-cache"),  # may be kept, and asked for again with its ETag: the next vintage has another
    (b"vary", b"accept-encoding"),
]


@dataclass(frozen=True)
class _Route:
    """What the metrics call the route."""

    path: str = PATH


_ROUTE = _Route()


class FastPath:
    """ASGI middleware that answers lookups."""

    def __init__(self, app: ASGIApp, serving: ServingState) -> None:
        self.app, self.serving = app, serving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        series = _asked(scope)
        predictor = self.serving.predictor_for(*series) if series is not None else None
        position = predictor.table.spans.find(*series) if predictor is not None and series is not None else None
        if predictor is None or position is None:
            await self.app(scope, receive, send)
            return
        scope["route"] = _ROUTE
        status, headers, body = lookup_answer(predictor.answers, position, scope["headers"])
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def lookup_answer(
    answers: PublishedAnswers, position: int, asked: Iterable[tuple[bytes, bytes]]
) -> tuple[int, Headers, bytes]:
    """(status, headers, body) for the series at that position: 304 where the caller has the answer already."""
    known, accepted = "", ""
    for name, value in asked:
        if name == b"accept-encoding":
            accepted = value.decode("latin-1")
        elif name == b"if-none-match":
            known = value.decode("latin-1")
    headers = [*_ALWAYS, (b"etag", answers.etag.encode())]
    if known and _is_same(answers.etag, known):
        return 304, headers, b""
    body, coding = answers.one(position), choose_coding(accepted) if accepted else None
    if coding is not None and len(body) >= LEAST_BYTES:
        body = compressed(body, coding)
        headers.append((b"content-encoding", coding.encode()))
    headers += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    return 200, headers, body


def _asked(scope: Scope) -> tuple[str, str] | None:
    """The series of a lookup; None for any other request."""
    if scope["type"] != "http" or scope["method"] != "GET" or scope["query_string"]:
        return None
    path: str = scope["path"]
    if not path.startswith(PREFIX):
        return None
    raw: bytes = scope.get("raw_path") or b""
    if b"%" in raw and raw.startswith(PREFIX.encode()):  # a store's name may hold a slash that is written as %2F
        store, slash, item = raw[len(PREFIX) :].decode("latin-1").partition("/")
        return (unquote(store), unquote(item)) if slash else None
    store, slash, item = path[len(PREFIX) :].partition("/")
    return (store, item) if slash else None


def _is_same(etag: str, known: str) -> bool:
    """Whether an If-None-Match header names the ETag; compared weakly (RFC 9110, 13.1.2)."""
    opaque = etag.removeprefix("W/")
    return known.strip() == "*" or any(one.strip().removeprefix("W/") == opaque for one in known.split(","))
