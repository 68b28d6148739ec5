"""What stands between the boundary of a replica and FastAPI, so that answers are quick and a crowd is told to wait."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from retail_forecast.serving.compression import LEAST_BYTES
from retail_forecast.serving.fast_path import FastPath
from retail_forecast.serving.pressure import LOOKUPS_UNDER_WAY, WORK_UNDER_WAY, Pressure
from retail_forecast.serving.state import ServingState
from retail_forecast.serving.what_if_path import WhatIfPath


def add_speed(app: FastAPI, serving: ServingState) -> None:
    """Adds them, the innermost first: FastAPI compresses what is worth it and answers so many at a time."""
    app.add_middleware(WhatIfPath, serving=serving, batcher=app.state.what_ifs)
    app.add_middleware(GZipMiddleware, minimum_size=LEAST_BYTES, compresslevel=4)
    app.add_middleware(Pressure, serving=serving, limit=WORK_UNDER_WAY)
    app.add_middleware(FastPath, serving=serving)
    app.add_middleware(Pressure, serving=serving, limit=LOOKUPS_UNDER_WAY)
