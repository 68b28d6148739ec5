"""Lookups answered before Ray Serve's own work on a request, which takes several times as long as the answer.

Serve calls the function that RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH names in every process that answers HTTP, and
puts the middlewares that it returns around itself. In a replica ours hands lookups to the application from its Boundary
inwards: keys, limits, back-pressure, canaries and metrics are as for any other request. Everything else, Serve's health
checks among it, takes Serve's way.
"""

from __future__ import annotations

from typing import Any

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from retail_forecast.serving.fast_path import PREFIX
from retail_forecast.serving.middleware import Boundary
from retail_forecast.serving.security.guard import UNTOLD_ID

_applications: list[Any] = []  # of this process: one in a replica, none in a proxy


def offer_shortcut(app: Any) -> None:
    """Lookups of this process go to the FastAPI application `app`; has to run before the replica's server starts."""
    _applications[:] = [app]


def middlewares() -> list[Middleware]:
    """What Serve puts around itself in this process."""
    return [Middleware(Shortcut, application=app) for app in _applications]


class Shortcut:
    """ASGI middleware: `application` answers lookups, `app` the rest."""

    def __init__(self, app: ASGIApp, application: Any) -> None:
        self.app, self.application, self._boundary = app, application, boundary_of(application)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith(PREFIX):
            await self.app(scope, receive, send)
            return
        scope["app"], scope[UNTOLD_ID] = self.application, True
        await self._boundary(scope, receive, send)


def boundary_of(application: Any) -> Boundary:
    """The application without what FastAPI puts around it for errors, none of which passes the Boundary."""
    if application.middleware_stack is None:
        application.middleware_stack = application.build_middleware_stack()
    layer = application.middleware_stack
    while not isinstance(layer, Boundary):
        layer = layer.app
    return layer
