"""What would be under other prices, promotions or events."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from retail_forecast.serving import shadow
from retail_forecast.serving.batching import MicroBatcher
from retail_forecast.serving.contracts_what_if import WhatIfAnswer, WhatIfRequest, WhatIfSeriesAnswer
from retail_forecast.serving.predictor import Predictor
from retail_forecast.serving.problems import ProblemError
from retail_forecast.serving.routes.common import STRICT, Serving, documented, require, require_series
from retail_forecast.serving.scenario import CovariateChange, ScenarioError
from retail_forecast.serving.scenario_answers import Question
from retail_forecast.serving.state import ServingState
from retail_forecast.serving.strict_json import StrictRoute
from retail_forecast.serving.table import Series
from retail_forecast.serving.tracing import model_run
from retail_forecast.serving.what_if import Scenario

router = APIRouter(prefix="/v1", tags=["forecasts"], route_class=StrictRoute)


async def _batcher(request: Request) -> MicroBatcher[Question, bytes]:
    batcher: MicroBatcher[Question, bytes] = request.app.state.what_ifs
    return batcher


Batcher = Annotated[MicroBatcher[Question, bytes], Depends(_batcher)]


@router.post(
    "/what-if",
    response_model=WhatIfAnswer | WhatIfSeriesAnswer,
    responses=documented(404, 413, 422, 503),
    dependencies=STRICT,
    summary="Forecasts under other prices or promotions",
)
async def post_what_if(body: WhatIfRequest, serving: Serving, batcher: Batcher) -> Response:
    """Runs the model again with other values of covariates that are known ahead; GET /v1/model names them.

    For one series, or with `series` for up to 100 of them, all under the same changes. Periods in which nothing becomes
    different are as published. `outside` lists values beyond what the model has seen in training. `difference` compares
    quantile with quantile; it is not the distribution of the difference.
    """
    return Response(await answer_what_if(body, serving, batcher), media_type="application/json")


async def answer_what_if(body: WhatIfRequest, serving: ServingState, batcher: MicroBatcher[Question, bytes]) -> bytes:
    """The answer as JSON. Raises ProblemError."""
    predictor = require(serving, *body.keys)
    known = [key for key in body.keys if key in predictor.table.spans]
    if not known or body.series is None:
        known = [require_series(predictor, *body.keys[0])]
    unknown = None if body.series is None else tuple(key for key in body.keys if key not in predictor.table.spans)
    changes = [CovariateChange(name, one.dates, value) for one in body.changes for name, value in one.values.items()]
    scenarios = tuple(_scenario(predictor, key, changes) for key in known)
    serving.mirror(known[0], shadow.scenario(known[0], changes))
    with model_run("what-if", series=len(scenarios)):
        return await batcher.ask(Question(predictor, scenarios, unknown))


def _scenario(predictor: Predictor, series: Series, changes: list[CovariateChange]) -> Scenario:
    try:
        return predictor.what_ifs.scenario(series, changes)
    except ScenarioError as error:
        raise ProblemError(422, "invalid-scenario", "The scenario is not possible", str(error)) from error
