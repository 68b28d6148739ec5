"""From a group of the hierarchy down to its series."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from retail_forecast.evaluation.hierarchy import group_names, group_of_series, level_columns
from retail_forecast.serving.contracts_insight import GroupsAnswer, MembersQuery
from retail_forecast.serving.levels import SERIES_LEVEL
from retail_forecast.serving.members import members_of
from retail_forecast.serving.routes.common import (
    Serving,
    documented,
    require,
    require_group,
    require_group_series,
    require_level,
)

router = APIRouter(prefix="/v1", tags=["hierarchy"])


@router.get(
    "/members/{level}/{group:path}",
    response_model=GroupsAnswer,
    responses=documented(404, 422, 503),
    summary="What a group is made of",
)
def get_members(level: str, group: str, query: Annotated[MembersQuery, Query()], serving: Serving) -> JSONResponse:
    """The series that a group is made of, as groups of the lowest level, in order and a page at a time.

    With `at`, the groups of that level that have a series of the group: the stores of a state, the states of an item.
    """
    predictor = require(serving)
    name = require_level(predictor, level)
    if name == SERIES_LEVEL:
        group = group_of_series(*require_group_series(predictor, group))
    else:
        group = require_group(predictor, name, group)
    at = SERIES_LEVEL if query.at is None else require_level(predictor, query.at.replace("/", ":"))
    names = group_names(members_of(predictor.described, name, group), level_columns(at)).unique().sort()
    left = names.filter(names > query.after) if query.after else names
    page = left.head(query.limit).to_list()
    following = page[-1] if len(left) > len(page) else None
    return JSONResponse({**predictor.provenance, "level": at, "groups": page, "next": following})
