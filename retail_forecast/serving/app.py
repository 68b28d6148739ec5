"""The HTTP interface: answers from the published vintage, with where they come from."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI

from retail_forecast import __version__
from retail_forecast.serving import page
from retail_forecast.serving.docs import add_docs
from retail_forecast.serving.metrics import Metrics
from retail_forecast.serving.middleware import Boundary
from retail_forecast.serving.problems import install_problems
from retail_forecast.serving.routes import (
    accuracy,
    batch,
    download,
    explain,
    forecasts,
    history,
    levels,
    members,
    operations,
    provenance,
    search,
    what_if,
)
from retail_forecast.serving.scenario_answers import build_batcher
from retail_forecast.serving.security.guard import add_guard
from retail_forecast.serving.security.security import Security
from retail_forecast.serving.speed import add_speed
from retail_forecast.serving.state import ServingState
from retail_forecast.serving.tracing import add_tracing

DESCRIPTION = """
Forecasts of units sold per store, item and period, with quantiles.

Every answer names its **vintage** (an immutable set of forecasts), the **model version** behind it and the **cutoff**,
the last date that the model has seen; `GET /v1/lineage/{vintage}` returns every input file. Errors are
[RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem documents.
"""

_ROOMS: Sequence[Any] = (
    forecasts,
    batch,
    what_if,
    explain,
    levels,
    members,
    history,
    search,
    accuracy,
    download,
    provenance,
    operations,
    page,
)


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
    app.state.what_ifs, app.state.explaining = build_batcher(), asyncio.Semaphore(1)
    for room in _ROOMS:
        app.include_router(room.router)
    add_docs(app)
    install_problems(app)
    add_speed(app, serving)
    add_guard(app, serving, app.state.metrics, security or Security())
    add_tracing(app, serving)
    app.add_middleware(Boundary, serving=serving, metrics=app.state.metrics)
    return app
