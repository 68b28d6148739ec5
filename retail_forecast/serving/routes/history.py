"""What sold before the cutoff, beside which a forecast can be drawn."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from retail_forecast.evaluation.hierarchy import group_of_series
from retail_forecast.serving.contracts_insight import HistoryAnswer, HistoryQuery, LevelHistoryAnswer
from retail_forecast.serving.history import PastReader, covariate_values
from retail_forecast.serving.levels import SERIES_LEVEL
from retail_forecast.serving.predictor import Predictor
from retail_forecast.serving.problems import ProblemError
from retail_forecast.serving.routes.common import (
    Serving,
    documented,
    require,
    require_group,
    require_group_series,
    require_level,
    require_series,
)
from retail_forecast.serving.table import Series

router = APIRouter(prefix="/v1", tags=["hierarchy"])


@router.get(
    "/history/{store_id}/{item_id:path}",
    response_model=HistoryAnswer,
    responses=documented(404, 422, 503),
    summary="Past sales of one series",
)
def get_history(store_id: str, item_id: str, query: Annotated[HistoryQuery, Query()], serving: Serving) -> JSONResponse:
    """What one item sold in one store up to the cutoff, with the covariates that are known ahead: then and for the
    horizon. `units_sold` is null where nothing is known: before the first sale, or where sales are missing."""
    predictor = require(serving, (store_id, item_id))
    series = require_series(predictor, store_id, item_id)
    past = _past(predictor)
    periods = past.units_sold(SERIES_LEVEL, group_of_series(*series), query.periods)
    known = past.known_future(*series, dates=[period["date"] for period in periods])
    empty = _stock_outs(predictor, series)
    described = [
        {**period, "known_future": values, "stock_out": period["date"] in empty}
        for period, values in zip(periods, known, strict=True)
    ]
    key = {"store_id": series[0], "item_id": series[1]}
    return JSONResponse({**predictor.provenance, **key, "periods": described, "future": _future(predictor, series)})


@router.get(
    "/level-history/{level}/{group:path}",
    response_model=LevelHistoryAnswer,
    responses=documented(404, 422, 503),
    summary="Past sales of a group",
)
def get_level_history(
    level: str, group: str, query: Annotated[HistoryQuery, Query()], serving: Serving
) -> JSONResponse:
    """What the series of a group sold together up to the cutoff."""
    predictor = require(serving)
    name = require_level(predictor, level)
    if name == SERIES_LEVEL:
        series = require_group_series(predictor, group)
        predictor = require(serving, series)
        group = group_of_series(*require_series(predictor, *series))
    else:
        group = require_group(predictor, name, group)
    periods = _past(predictor).units_sold(name, group, query.periods)
    return JSONResponse({**predictor.provenance, "level": name, "group": group, "periods": periods})


def _past(predictor: Predictor) -> PastReader:
    if predictor.insight.past is not None:
        return predictor.insight.past
    detail = (
        f"Vintage {predictor.vintage.id} was published by an earlier version, which kept no history beside it. "
        "Materialize `forecasts` (in the Dagster UI, or with `retail-forecast run`) to publish one that has it."
    )
    raise ProblemError(404, "no-history", "The vintage has no history", detail)


def _future(predictor: Predictor, series: Series) -> list[dict[str, Any]]:
    rows = predictor.feature_rows(series)
    values = covariate_values(rows, predictor.bundle.spec)
    days = rows["date"].cast(str).to_list()
    return [{"date": day, "known_future": one} for day, one in zip(days, values, strict=True)]


def _stock_outs(predictor: Predictor, series: Series) -> set[str]:
    rows = predictor.insight.stock_outs.rows()
    if rows is None:
        return set()
    return {day.isoformat() for day in rows.filter(store_id=series[0], item_id=series[1])["date"]}
