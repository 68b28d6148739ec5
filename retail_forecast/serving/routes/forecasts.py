"""Forecasts of one series, and which series there are."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from retail_forecast.serving.contracts import (
    ForecastAnswer,
    ItemsAnswer,
    ItemsQuery,
    StoresAnswer,
)
from retail_forecast.serving.fast_path import lookup_answer
from retail_forecast.serving.routes.common import STRICT, Serving, documented, require, require_series, require_store

router = APIRouter(prefix="/v1", tags=["forecasts"])

# Routes return a response, not a model: validating our own numbers again would cost more than looking them up.


@router.get(
    "/forecasts/{store_id}/{item_id:path}",
    response_model=ForecastAnswer,
    responses=documented(404, 422, 503),
    dependencies=STRICT,
    summary="Forecasts of one series",
)
async def get_forecasts(store_id: str, item_id: str, serving: Serving, request: Request) -> Response:
    """Expected units and quantiles of one item in one store, for every period of the horizon.

    With `If-None-Match`, the ETag of an earlier answer, 304 where nothing has changed.
    """
    predictor = require(serving, (store_id, item_id))
    series = require_series(predictor, store_id, item_id)
    position = predictor.table.spans.position(series)
    status, headers, body = lookup_answer(predictor.answers, position, request.scope["headers"])
    response = Response(body, status)
    response.raw_headers[:] = headers
    return response


@router.get("/stores", response_model=StoresAnswer, responses=documented(503), dependencies=STRICT, summary="Stores")
async def get_stores(serving: Serving) -> JSONResponse:
    """Every store with forecasts, and how many items it has."""
    predictor = require(serving)
    stores = [{"store_id": store, "items": count} for store, count in predictor.table.stores.items()]
    return JSONResponse({**predictor.provenance, "stores": stores})


@router.get(
    "/stores/{store_id}/items",
    response_model=ItemsAnswer,
    responses=documented(404, 422, 503),
    summary="Items of a store",
)
async def get_items(store_id: str, query: Annotated[ItemsQuery, Query()], serving: Serving) -> JSONResponse:
    """The items of a store in order, a page at a time."""
    predictor = require(serving)
    require_store(predictor, store_id)
    items = [item for item in predictor.table.items(store_id) if item > query.after]
    page = items[: query.limit]
    following = page[-1] if len(items) > len(page) else None
    return JSONResponse({**predictor.provenance, "store_id": store_id, "items": page, "next": following})
