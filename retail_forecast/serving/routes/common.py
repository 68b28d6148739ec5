"""What the routes share: the active predictor, and the documentation of problems."""

from __future__ import annotations

from difflib import get_close_matches
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Query, Request

from retail_forecast.evaluation.hierarchy import level_columns
from retail_forecast.serving.contracts import NoParameters, Problem
from retail_forecast.serving.levels import SERIES_LEVEL
from retail_forecast.serving.predictor import Predictor
from retail_forecast.serving.problems import MEDIA_TYPE, ProblemError
from retail_forecast.serving.state import ServingState


async def _serving(request: Request) -> ServingState:  # FastAPI runs what is not async in a thread
    serving: ServingState = request.app.state.serving
    return serving


async def _no_parameters(_: Annotated[NoParameters, Query()]) -> None:
    """Refuses a query that nothing would read."""


Serving = Annotated[ServingState, Depends(_serving)]
STRICT = [Depends(_no_parameters)]


def require(serving: ServingState, *series: tuple[str, str]) -> Predictor:
    """What answers for the series (without any, the active predictor); if nothing does, the request ends with 503."""
    predictor = serving.predictor_for_all(series) if series else serving.active
    if predictor is not None:
        return predictor
    if serving.wanted is None:
        detail = "No forecasts have been published yet; `retail-forecast run` publishes them."
    else:
        detail = f"Vintage {serving.wanted!r} could not be loaded and there is no earlier one: {serving.error}"
    raise ProblemError(503, "no-forecasts", "There is nothing to answer from", detail, wanted=serving.wanted)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI entries of the problems that a route may answer with; `default` stands for those that any may."""
    content = {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}
    named: dict[int | str, str] = {status: HTTPStatus(status).phrase for status in statuses}
    named["default"] = "Refused before it was looked at: who asks, how often, how much or how slowly"
    return {status: {"description": description, "content": content} for status, description in named.items()}


def require_store(predictor: Predictor, store_id: str) -> None:
    """Ends the request with 404 if the vintage has no such store."""
    if store_id in predictor.table.stores:
        return
    detail = (
        f"Vintage {predictor.vintage.id} has no forecasts for store {store_id!r}."
        f"{nearest_names(predictor.table.nearest_stores(store_id))} GET /v1/stores lists its stores."
    )
    raise ProblemError(404, "unknown-store", "Unknown store", detail, store_id=store_id)


def require_series(predictor: Predictor, store_id: str, item_id: str) -> tuple[str, str]:
    """The series' key; ends the request with 404 if the vintage has no such series."""
    require_store(predictor, store_id)
    if (store_id, item_id) in predictor.table.spans:
        return store_id, item_id
    nearest = nearest_names(predictor.table.nearest_items(store_id, item_id))
    detail = (
        f"Vintage {predictor.vintage.id} has no forecasts for item {item_id!r} in store {store_id!r}."
        f"{nearest} GET /v1/stores/{store_id}/items lists its items."
    )
    raise ProblemError(404, "unknown-item", "Unknown item", detail, store_id=store_id, item_id=item_id)


def require_level(predictor: Predictor, name: str) -> str:
    """The level that is called `name` in a URL, with colons for slashes; ends the request with 404 if there is none."""
    known = {level.replace("/", ":"): level for level in (*predictor.insight.levels.names, SERIES_LEVEL)}
    if name in known:
        return known[name]
    nearest = nearest_names(get_close_matches(name, known, n=3))
    detail = f"Vintage {predictor.vintage.id} has no level {name!r}.{nearest} GET /v1/levels lists its levels."
    raise ProblemError(404, "unknown-level", "Unknown level", detail, level=name)


def require_group(predictor: Predictor, level: str, group: str) -> str:
    """The group of a level; ends the request with 404 if the vintage has no such group.

    A last value may be written with its slashes as they are, as in the routes of series.
    """
    levels, keys = predictor.insight.levels, level_columns(level)
    *first, last = group.split("/", max(len(keys) - 1, 0))
    for name in (group, "/".join([*first, last.replace("%", "%25").replace("/", "%2F")])):
        if levels.groups[level].find(name) is not None:
            return name
    nearest = nearest_names(levels.nearest(level, group))
    path = f"/v1/levels/{level.replace('/', ':')}"
    detail = (
        f"Vintage {predictor.vintage.id} has no {group!r} at level {level!r}.{nearest} GET {path} lists its groups."
    )
    raise ProblemError(404, "unknown-group", "Unknown group", detail, level=level, group=group)


def require_group_series(predictor: Predictor, group: str) -> tuple[str, str]:
    """The key of the series that is called so as a group of the lowest level; ends the request with 404."""
    store_id, _, item_id = group.partition("/")
    plain = [part.replace("%2F", "/").replace("%25", "%") for part in (store_id, item_id)]
    return require_series(predictor, *(plain if tuple(plain) in predictor.table.spans else (store_id, item_id)))


def nearest_names(names: list[str]) -> str:
    return f" Did you mean {' or '.join(repr(name) for name in names)}?" if names else ""
