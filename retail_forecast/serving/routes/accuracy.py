"""How good the forecasts have been."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from retail_forecast.serving.accuracy import backtest_scores, live_scores
from retail_forecast.serving.contracts_insight import AccuracyAnswer
from retail_forecast.serving.routes.common import STRICT, Serving, documented, require

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
