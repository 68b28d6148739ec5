"""Who asks, whether they may, and how often: plain ASGI before everything that answers."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI, Request
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from retail_forecast.serving.answering import answered_from
from retail_forecast.serving.metrics import Metrics
from retail_forecast.serving.problems import ProblemError, problem_response
from retail_forecast.serving.security.audit import AuditedBody, audit_what_if
from retail_forecast.serving.security.callers import SCOPES, Caller, scope_of
from retail_forecast.serving.security.documentation import document_security
from retail_forecast.serving.security.headers import Header, private
from retail_forecast.serving.security.refusals import Refusal, missing_scope, too_many
from retail_forecast.serving.security.requests import REQUEST_ID, address_of, request_id_in
from retail_forecast.serving.security.security import Security
from retail_forecast.serving.state import ServingState
from retail_forecast.telemetry.logs import set_log_fields

EXPOSED = ["ETag", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id"]
CALLER = "retail_forecast.caller"
"""Key of the ASGI scope under which what comes after finds the Caller."""

UNTOLD_ID = "retail_forecast.untold_id"
"""Key of the ASGI scope where Ray Serve, which returns the request's id otherwise, does not see the answer."""


class Guard:
    """Middleware of the whole application below Boundary."""

    def __init__(self, app: ASGIApp, serving: ServingState, metrics: Metrics, security: Security) -> None:
        self.app, self.serving, self.metrics, self.security = app, serving, metrics, security
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path, security = scope["path"], self.security
        needed, is_private = scope_of(path), False
        told: Sequence[Header] = ()

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = private(message["headers"]) if is_private else message["headers"]
                message["headers"] = [*security.headers.add(headers, path), *told]
            await send(message)

        try:
            request_id, was_sent = request_id_in(scope)
            if not was_sent or UNTOLD_ID in scope:  # Ray Serve always sends one, and returns it itself
                told = [(REQUEST_ID, request_id.encode())]
            if needed is not None:
                is_private = security.authenticator is not None
                told = [*told, *await self._admit(scope, needed)]
        except ProblemError as problem:
            await self._refuse(problem, scope, receive, send_guarded)
            return
        set_log_fields(request_id=request_id)
        if needed is None:
            await self.app(scope, receive, send_guarded)
            return
        self._count(1)
        try:
            await self._answer(scope, receive, send_guarded)
        finally:
            self._count(-1)

    async def _admit(self, scope: Scope, needed: str) -> Sequence[Header]:
        """What the answer tells of the caller's limit. Raises Refusal for who may not ask, or not now."""
        security = self.security
        if security.authenticator is not None:
            scope[CALLER] = caller = await security.authenticator.caller_of(scope["headers"])
            if not caller.may(needed):
                raise missing_scope(caller, needed)
        if security.throttle is None:
            return ()
        caller = self._caller(scope)
        allowance = security.throttle.take(caller.name)
        if allowance.wait_seconds > 0:
            raise too_many(caller, security.throttle.rate, allowance)
        return [(name.encode(), value.encode()) for name, value in allowance.headers.items()]

    def _caller(self, scope: Scope) -> Caller:
        """Who was let in; without keys, an address."""
        if CALLER not in scope:
            scope[CALLER] = Caller(f"address:{address_of(scope, self.security.hops)}", frozenset(SCOPES))
        caller: Caller = scope[CALLER]
        return caller

    def _count(self, step: int) -> None:
        self._under_way += step
        self.metrics.show_in_flight(self._under_way)

    async def _refuse(self, problem: ProblemError, scope: Scope, receive: Receive, send: Send) -> None:
        if isinstance(problem, Refusal):
            self.metrics.refuse(problem.reason)
        response = problem_response(Request(scope), problem, self.serving.provenance())
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST" or not scope["path"].startswith("/v1/what-if"):
            await self.app(scope, receive, send)
            return
        caller = self._caller(scope)
        body, status = AuditedBody(receive), 500

        async def send_noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, body.receive, send_noted)
        finally:
            audit_what_if(caller, scope["path"], body.data, status, answered_from() or self.serving.provenance())


def add_guard(app: FastAPI, serving: ServingState, metrics: Metrics, security: Security) -> None:
    """Puts the Guard around the application, and what answers the preflights of other origins around the Guard."""
    app.add_middleware(Guard, serving=serving, metrics=metrics, security=security)
    if security.authenticator is not None:
        document_security(app)
    if security.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=security.origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "If-None-Match", "X-API-Key", "X-Request-Id"],
            expose_headers=EXPOSED,
        )
