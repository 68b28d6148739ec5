"""Probes and metrics, for machines."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from retail_forecast.serving.contracts import ServingStatus
from retail_forecast.serving.metrics import CONTENT_TYPE_LATEST
from retail_forecast.serving.routes.common import STRICT, Serving, documented

router = APIRouter(tags=["operations"], dependencies=STRICT, responses=documented())


@router.get("/livez", summary="Is the process alive?")
async def livez(serving: Serving) -> JSONResponse:
    """Always 200: a replica without forecasts is alive, but not ready."""
    return JSONResponse({"status": "alive", "replica": serving.replica, **serving.provenance()})


@router.get(
    "/readyz", response_model=ServingStatus, responses={503: {"model": ServingStatus}}, summary="Can it answer?"
)
async def readyz(serving: Serving) -> JSONResponse:
    """200 with a real vintage and model, 503 without; names the wanted and the active vintage."""
    status = serving.status()
    return JSONResponse(status, status_code=503 if status["status"] == "unready" else 200)


@router.get("/metrics", response_class=Response, summary="Prometheus metrics")
def metrics(request: Request) -> Response:
    """Requests, latency and replicas, by vintage and model version."""
    return Response(request.app.state.metrics.render(), media_type=CONTENT_TYPE_LATEST)
