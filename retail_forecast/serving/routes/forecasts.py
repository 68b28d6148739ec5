"""Forecasts: one series, many series, and which series there are."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from retail_forecast.serving.contracts import (
    BatchAnswer,
    BatchRequest,
    ForecastAnswer,
    ItemsAnswer,
    ItemsQuery,
    StoresAnswer,
)
from retail_forecast.serving.predictor import Predictor
from retail_forecast.serving.routes.common import STRICT, Serving, documented, require, require_series, require_store
from retail_forecast.serving.strict_json import StrictRoute
from retail_forecast.serving.table import Series

router = APIRouter(prefix="/v1", tags=["forecasts"], route_class=StrictRoute)

# Routes return a response, not a model: validating our own numbers again would cost more than looking them up.


@router.get(
    "/forecasts/{store_id}/{item_id:path}",
    response_model=ForecastAnswer,
    responses=documented(404, 422, 503),
    dependencies=STRICT,
    summary="Forecasts of one series",
)
async def get_forecasts(store_id: str, item_id: str, serving: Serving) -> JSONResponse:
    """Expected units and quantiles of one item in one store, for every period of the horizon."""
    predictor = require(serving, (store_id, item_id))
    series = require_series(predictor, store_id, item_id)
    return JSONResponse({**predictor.provenance, **_series_answer(predictor, series)})


@router.post(
    "/forecasts",
    response_model=BatchAnswer,
    responses=documented(413, 422, 503),
    dependencies=STRICT,
    summary="Forecasts of many series",
)
def post_forecasts(batch: BatchRequest, serving: Serving) -> JSONResponse:
    """Up to 1000 series at once; those that the vintage does not have are listed under `unknown`."""
    keys = [(key.store_id, key.item_id) for key in batch.series]
    predictor = require(serving, keys[0])  # one vintage for all of an answer
    found = [_series_answer(predictor, key) for key in keys if key in predictor.table.spans]
    unknown = [{"store_id": key[0], "item_id": key[1]} for key in keys if key not in predictor.table.spans]
    return JSONResponse({**predictor.provenance, "series": found, "unknown": unknown})


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


def _series_answer(predictor: Predictor, series: Series) -> dict[str, Any]:
    """One SeriesForecast as plain values."""
    table = predictor.table
    key = {"store_id": series[0], "item_id": series[1], "basis": table.basis(series)}
    return {**key, "forecasts": table.rows(series)}
