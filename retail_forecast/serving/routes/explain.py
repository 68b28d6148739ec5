"""What drives a forecast."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from retail_forecast.serving.contracts_explain import ExplainAnswer
from retail_forecast.serving.explaining import explain_series
from retail_forecast.serving.routes.common import STRICT, Serving, documented, require, require_series
from retail_forecast.serving.tracing import model_run

router = APIRouter(prefix="/v1", tags=["forecasts"])


async def _one_at_a_time(request: Request) -> asyncio.Semaphore:
    one: asyncio.Semaphore = request.app.state.explaining
    return one


@router.get(
    "/explain/{store_id}/{item_id:path}",
    response_model=ExplainAnswer,
    responses=documented(404, 422, 503),
    dependencies=STRICT,
    summary="Drivers of a forecast",
)
async def get_explanation(
    store_id: str, item_id: str, serving: Serving, turn: Annotated[asyncio.Semaphore, Depends(_one_at_a_time)]
) -> JSONResponse:
    """What the published forecasts of a series are made of: level, trend, season, price, promotion, events, other.

    `expected` is what the model starts from; it and the contributions, in units, add up to `mean`.
    """
    predictor = require(serving, (store_id, item_id))
    series = require_series(predictor, store_id, item_id)
    with model_run("explain", series=1):
        async with turn:  # TreeSHAP takes two cores; lookups go on beside one of them
            answer = await asyncio.to_thread(explain_series, predictor, series)
    return JSONResponse({**predictor.provenance, **answer})
