"""The HTTP interface: answers from the published vintage, with where they come from."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.responses import RedirectResponse

from retail_forecast import __version__
from retail_forecast.serving.docs import add_docs
from retail_forecast.serving.metrics import Metrics
from retail_forecast.serving.middleware import Boundary
from retail_forecast.serving.problems import install_problems
from retail_forecast.serving.routes import accuracy, forecasts, levels, operations, provenance, search
from retail_forecast.serving.security.guard import add_guard
from retail_forecast.serving.security.security import Security
from retail_forecast.serving.state import ServingState

DESCRIPTION = """
Forecasts of units sold per store, item and period, with quantiles.

Every answer names its **vintage** (an immutable set of forecasts), the **model version** behind it and the **cutoff**,
the last date that the model has seen; `GET /v1/lineage/{vintage}` returns every input file. Errors are
[RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem documents.
"""


def build_app(serving: ServingState, metrics: Metrics | None = None, security: Security | None = None) -> FastAPI:
    """The application of one replica, answering from `serving` whom `security` lets in; by default everybody."""
    app = FastAPI(
        title="Retail Forecast",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_tags=[{"name": name} for name in ("forecasts", "hierarchy", "provenance", "operations")],
    )
    app.state.serving = serving
    app.state.metrics = metrics or Metrics()
    for room in (forecasts, levels, search, accuracy, provenance, operations):
        app.include_router(room.router)
    add_docs(app)
    install_problems(app)
    add_guard(app, serving, app.state.metrics, security or Security())
    app.add_middleware(Boundary, serving=serving, metrics=app.state.metrics)
    app.add_api_route("/", _home, include_in_schema=False)
    return app


async def _home() -> RedirectResponse:
    return RedirectResponse("/docs")


def openapi_document() -> dict[str, Any]:
    """The OpenAPI description of the interface."""
    return build_app(ServingState()).openapi()
