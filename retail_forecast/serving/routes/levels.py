"""The hierarchy: forecasts of stores, departments, regions and the total, each the sum of its series."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from retail_forecast.evaluation.hierarchy import level_columns
from retail_forecast.serving.contracts_insight import GroupForecastAnswer, GroupsAnswer, GroupsQuery, LevelsAnswer
from retail_forecast.serving.levels import SERIES_LEVEL
from retail_forecast.serving.routes.common import (
    STRICT,
    Serving,
    documented,
    require,
    require_group,
    require_group_series,
    require_level,
    require_series,
)

router = APIRouter(prefix="/v1", tags=["hierarchy"])


@router.get("/levels", response_model=LevelsAnswer, responses=documented(503), dependencies=STRICT, summary="Levels")
def get_levels(serving: Serving) -> JSONResponse:
    """Every level that the vintage forecasts, from the total to the series. In a URL, the slashes of a level's name
    are written as colons: `store_id:department`."""
    predictor = require(serving)
    insight = predictor.insight
    counts = {name: len(insight.levels.groups[name].names) for name in insight.levels.names}
    counts[SERIES_LEVEL] = len(insight.series)
    levels = [
        {"level": name, "keys": level_columns(name), "groups": count, "within": predictor.nesting[name]}
        for name, count in counts.items()
    ]
    return JSONResponse({**predictor.provenance, "levels": levels})


@router.get(
    "/levels/{level}", response_model=GroupsAnswer, responses=documented(404, 422, 503), summary="Groups of a level"
)
def get_groups(level: str, query: Annotated[GroupsQuery, Query()], serving: Serving) -> JSONResponse:
    """The groups of a level in order, a page at a time.

    A group is called by its values, joined by a slash; a slash within a value is written %2F.
    """
    predictor = require(serving)
    name = require_level(predictor, level)
    insight = predictor.insight
    groups = insight.series if name == SERIES_LEVEL else insight.levels.groups[name].names
    first = int(groups.search_sorted(query.after, side="right")) if query.after else 0
    page = groups.slice(first, query.limit).to_list()
    following = page[-1] if first + len(page) < len(groups) else None
    return JSONResponse({**predictor.provenance, "level": name, "groups": page, "next": following})


@router.get(
    "/levels/{level}/{group:path}",
    response_model=GroupForecastAnswer,
    responses=documented(404, 422, 503),
    dependencies=STRICT,
    summary="Forecasts of a group",
)
def get_group_forecasts(level: str, group: str, serving: Serving) -> JSONResponse:
    """Expected units and quantiles of one group, for every period of the horizon.

    The mean is the sum of the means of its series. Quantiles do not add up; they are the group's own.
    """
    predictor = require(serving)
    name = require_level(predictor, level)
    if name == SERIES_LEVEL:
        series = require_group_series(predictor, group)
        predictor = require(serving, series)
        rows = predictor.table.rows(require_series(predictor, *series))
    else:
        group = require_group(predictor, name, group)
        rows = predictor.insight.levels.rows(name, group)
    return JSONResponse({**predictor.provenance, "level": name, "group": group, "forecasts": rows})
