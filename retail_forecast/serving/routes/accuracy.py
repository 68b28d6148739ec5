"""How good the forecasts have been."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from retail_forecast.serving.accuracy import backtest_scores, live_scores, series_scores
from retail_forecast.serving.contracts_insight import AccuracyAnswer, SeriesAccuracyAnswer
from retail_forecast.serving.routes.common import STRICT, Serving, documented, require, require_series

router = APIRouter(prefix="/v1", tags=["provenance"])


@router.get(
    "/accuracy", response_model=AccuracyAnswer, responses=documented(503), dependencies=STRICT, summary="Accuracy"
)
def get_accuracy(serving: Serving) -> JSONResponse:
    """The backtest's scores of the model that answers, by level and beside simple baselines; and what published
    vintages turned out to be worth as sales arrived (looked up in the lake twice a minute at most)."""
    predictor = require(serving)
    backtest, baselines = backtest_scores(predictor.bundle.path)
    live = live_scores(predictor.insight.accuracy.rows())
    return JSONResponse({**predictor.provenance, "backtest": backtest, "baselines": baselines, "live": live})


@router.get(
    "/accuracy/{store_id}/{item_id:path}",
    response_model=SeriesAccuracyAnswer,
    responses=documented(404, 503),
    dependencies=STRICT,
    summary="Accuracy of one series",
)
def get_series_accuracy(store_id: str, item_id: str, serving: Serving) -> JSONResponse:
    """What the last published vintages forecast for one item in one store against what it sold since, over the periods
    that are known by now; nothing while none is."""
    predictor = require(serving, (store_id, item_id))
    store, item = require_series(predictor, store_id, item_id)
    scores = series_scores(predictor.insight.series_accuracy.rows(), store, item)
    return JSONResponse({**predictor.provenance, "store_id": store, "item_id": item, **scores})
