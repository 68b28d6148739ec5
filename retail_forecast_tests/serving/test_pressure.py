from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.types import Receive, Scope, Send

from retail_forecast.serving.pressure import Pressure
from retail_forecast.serving.state import ServingState


class Slow:
    """An application that answers when it is told to."""

    def __init__(self) -> None:
        self.go, self.answered = asyncio.Event(), 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.go.wait()
        self.answered += 1


def scope_of(path: str) -> dict[str, Any]:
    return {"type": "http", "path": path, "headers": [], "method": "GET", "query_string": b"", "server": ("h", 1)}


async def ask(app: Pressure, path: str) -> list[Any]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    await app(scope_of(path), receive, send)
    return sent


async def crowd() -> tuple[list[Any], int, int]:
    slow = Slow()
    app = Pressure(slow, ServingState(), limit=2)
    waiting = [asyncio.create_task(ask(app, path)) for path in ("/v1/a", "/v1/b", "/readyz")]
    await asyncio.sleep(0)
    refused = await ask(app, "/v1/c")
    slow.go.set()
    await asyncio.gather(*waiting)
    await ask(app, "/v1/d")
    return refused, slow.answered, app.under_way


def test_the_request_too_many_is_refused_at_once_and_probes_never() -> None:
    (start, body), answered, under_way = asyncio.run(crowd())
    assert (start["status"], dict(start["headers"])[b"retry-after"]) == (503, b"1")
    assert json.loads(body["body"])["type"] == "urn:retail-forecast:problem:overloaded"
    assert (answered, under_way) == (4, 0)  # two, the probe, and the one that came later
