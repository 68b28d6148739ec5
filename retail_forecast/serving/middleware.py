"""What holds for every request: a limit to its size, its origin in the answer's headers, a count in the metrics."""

from __future__ import annotations

import time
from functools import lru_cache

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from retail_forecast.serving.answering import begin_answer
from retail_forecast.serving.metrics import Metrics
from retail_forecast.serving.state import ServingState

MAX_BODY_BYTES = 1024**2


class Boundary:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, serving: ServingState, metrics: Metrics) -> None:
        self.app, self.serving, self.metrics = app, serving, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, origin, answering, status = time.perf_counter(), self.serving.provenance(), begin_answer(), 500

        async def send_with_origin(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                named = answering.provenance or origin
                message["headers"] = [*message["headers"], *_headers(tuple(named.items()))]
            await send(message)

        try:
            await self.app(scope, _limited(receive), send_with_origin)
        finally:
            seconds, origin = time.perf_counter() - started, answering.provenance or origin
            self.serving.observe(answering.predictor, status, seconds)
            self.metrics.observe(
                method=scope["method"],
                route=getattr(scope.get("route"), "path", "none"),
                status=status,
                vintage=origin.get("vintage", ""),
                model_version=origin.get("model_version", ""),
                seconds=seconds,
            )


@lru_cache(maxsize=16)
def _headers(origin: tuple[tuple[str, str], ...]) -> list[tuple[bytes, bytes]]:
    return [(f"x-forecast-{name.replace('_', '-')}".encode(), text.encode()) for name, text in origin]


def _limited(receive: Receive) -> Receive:
    taken = 0

    async def receive_limited() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MAX_BODY_BYTES:
            detail = f"A request may have {MAX_BODY_BYTES} bytes; ask for fewer series at once."
            raise HTTPException(413, detail)
        return message

    return receive_limited
