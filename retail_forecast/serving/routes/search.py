"""Finding a series or a group by its name."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from retail_forecast.serving.contracts_insight import SearchAnswer, SearchQuery
from retail_forecast.serving.routes.common import Serving, documented, require

router = APIRouter(prefix="/v1", tags=["hierarchy"])


@router.get("/search", response_model=SearchAnswer, responses=documented(422, 503), summary="Search by name")
def get_search(query: Annotated[SearchQuery, Query()], serving: Serving) -> JSONResponse:
    """Series and groups of every level in whose name every word occurs, the closest first.

    Whole names come before whole parts of names (an item of `store/item`), then beginnings, then anything else; among
    equals the levels with few groups. Upper case and accents make no difference.
    """
    predictor = require(serving)
    matches, total = predictor.insight.search.find(query.q, query.limit)
    return JSONResponse({**predictor.provenance, "matches": matches, "total": total})
