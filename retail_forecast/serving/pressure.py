"""Back-pressure: more requests under way than a replica can answer soon are refused at once, not queued without end."""

from __future__ import annotations

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from retail_forecast.serving.problems import ProblemError, problem_response
from retail_forecast.serving.state import ServingState

LOOKUPS_UNDER_WAY = 256
"""Of all requests."""

WORK_UNDER_WAY = 64
"""Of those that FastAPI answers, which may run a model."""

RETRY_AFTER_SECONDS = 1
_NEVER_REFUSED = ("/livez", "/readyz", "/metrics")


class Pressure:
    """ASGI middleware that lets so many requests in at a time; probes always."""

    def __init__(self, app: ASGIApp, serving: ServingState, limit: int) -> None:
        self.app, self.serving, self.limit, self.under_way = app, serving, limit, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _NEVER_REFUSED:
            await self.app(scope, receive, send)
            return
        if self.under_way >= self.limit:
            await self._refuse(scope, receive, send)
            return
        self.under_way += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.under_way -= 1

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        detail = f"{self.limit} requests are under way on this replica. Ask again after a moment, or add replicas."
        problem = ProblemError(503, "overloaded", "Too many requests under way", detail)
        response = problem_response(Request(scope), problem, self.serving.provenance())
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        await response(scope, receive, send)
