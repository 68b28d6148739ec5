"""What holds for every request: bounds to its body, its origin in the answer's headers, a count in the metrics."""

from __future__ import annotations

import asyncio
import time
from functools import lru_cache

from fastapi import Request
from polars.exceptions import PanicException
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from retail_forecast.serving.answering import begin_answer
from retail_forecast.serving.metrics import Metrics
from retail_forecast.serving.problems import problem_of, problem_response
from retail_forecast.serving.state import ServingState

MAX_BODY_BYTES = 1024**2
BODY_SECONDS = 10.0
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})  # a caller may send any word
_UNREAD = (408, 413)
_HANG_UP = [(b"connection", b"close")]  # else who sends on, a byte now and then, would keep the connection


class Boundary:
    """ASGI middleware around the whole application. No error passes it but as a problem document."""

    def __init__(self, app: ASGIApp, serving: ServingState, metrics: Metrics) -> None:
        self.app, self.serving, self.metrics = app, serving, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, origin, answering, status = time.perf_counter(), self.serving.provenance(), begin_answer(), 0

        async def send_with_origin(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                named = answering.provenance or origin
                left = _HANG_UP if status in _UNREAD else []
                message["headers"] = [*message["headers"], *_headers(tuple(named.items())), *left]
            await send(message)

        try:
            await self.app(scope, _bounded(receive), send_with_origin)
        except (Exception, PanicException) as error:
            if status:  # half an answer cannot be taken back
                raise
            request = Request(scope)
            response = problem_response(request, problem_of(request, error), origin)
            await response(scope, receive, send_with_origin)
        finally:
            seconds, origin = time.perf_counter() - started, answering.provenance or origin
            self.serving.observe(answering.predictor, status or 500, seconds)
            self.metrics.observe(
                method=scope["method"] if scope["method"] in _METHODS else "other",
                route=getattr(scope.get("route"), "path", "none"),
                status=status or 500,
                vintage=origin.get("vintage", ""),
                model_version=origin.get("model_version", ""),
                seconds=seconds,
            )


@lru_cache(maxsize=16)
def _headers(origin: tuple[tuple[str, str], ...]) -> list[tuple[bytes, bytes]]:
    return [(f"x-forecast-{name.replace('_', '-')}".encode(), text.encode()) for name, text in origin]


def _bounded(receive: Receive) -> Receive:
    """Receives a body of a megabyte at most, and within ten seconds of when it was first asked for.

    It raises HTTPException, which FastAPI lets pass where it reads a body; other errors it takes for bad JSON.
    """
    taken, ends, is_complete = 0, 0.0, False

    async def receive_bounded() -> Message:
        nonlocal taken, ends, is_complete
        if is_complete:  # what comes now is that the caller left, whenever that is
            return await receive()
        ends = ends or asyncio.get_running_loop().time() + BODY_SECONDS
        try:
            async with asyncio.timeout_at(ends):
                message = await receive()
        except TimeoutError as error:
            raise HTTPException(408, f"The body did not arrive within {BODY_SECONDS:g} s.") from error
        taken += len(message.get("body", b""))
        is_complete = not message.get("more_body", False)
        if taken > MAX_BODY_BYTES:
            detail = f"A request may have {MAX_BODY_BYTES} bytes; ask for fewer series at once."
            raise HTTPException(413, detail)
        return message

    return receive_bounded
