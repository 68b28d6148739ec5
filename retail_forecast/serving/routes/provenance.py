"""Where answers come from: the inputs behind a vintage, and the model."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse

from retail_forecast.lake import open_lake
from retail_forecast.lake.retention import find_lineage
from retail_forecast.lake.vintages import Vintage, list_vintages
from retail_forecast.serving.contracts import LineageAnswer, LineageQuery, ModelAnswer, VintageName
from retail_forecast.serving.problems import ProblemError
from retail_forecast.serving.routes.common import STRICT, Serving, documented, require
from retail_forecast.serving.state import ServingState

router = APIRouter(prefix="/v1", tags=["provenance"])


@router.get(
    "/lineage/{vintage}",
    response_model=LineageAnswer,
    responses=documented(404, 422, 503),
    summary="Inputs behind a vintage",
)
def get_lineage(
    vintage: Annotated[VintageName, Path()], query: Annotated[LineageQuery, Query()], serving: Serving
) -> JSONResponse:
    """The model version and every input object (e_tag, sha256, rows) behind this vintage or an older one."""
    found = _find(serving, vintage)
    return JSONResponse(
        {
            "vintage": found.id,
            "model_version": found.model_version,
            "cutoff": found.cutoff,
            "dataset": found.dataset,
            "fingerprint": found.fingerprint,
            "code_version": found.code_version,
            "created_at": found.created_at,
            "model": dict(found.model),
            "inputs": _inputs(found, query),
        }
    )


@router.get("/model", response_model=ModelAnswer, responses=documented(503), dependencies=STRICT, summary="Model")
async def get_model(serving: Serving) -> JSONResponse:
    """The model that answers, its numbers, and what a what-if may change."""
    predictor = require(serving)
    vintage = predictor.vintage
    return JSONResponse(
        {
            **predictor.provenance,
            "dataset": vintage.dataset,
            "frequency": vintage.frequency,
            "horizon": vintage.horizon,
            "quantiles": list(vintage.quantiles),
            "series": vintage.series,
            "known_future": dict(predictor.bundle.spec.known_future),
            "model": dict(vintage.model),
            "loaded_at": predictor.loaded_at,
            "status": serving.status(),
        }
    )


def _find(serving: ServingState, vintage_id: str) -> Vintage:
    active = require(serving)
    if active.vintage.id == vintage_id:
        return active.vintage
    lake = open_lake(str(serving.lake_url))
    if (found := find_lineage(lake, vintage_id)) is not None:
        return found
    latest = ", ".join(vintage.id for vintage in list_vintages(lake)[-5:])
    detail = f"There is no vintage {vintage_id!r}. The last ones are {latest}."
    raise ProblemError(404, "unknown-vintage", "Unknown vintage", detail)


def _inputs(vintage: Vintage, query: LineageQuery) -> dict[str, list[dict[str, Any]]]:
    inputs = dict(vintage.inputs)
    if query.table is not None:
        if query.table not in inputs:
            detail = f"Vintage {vintage.id} was not made from a table {query.table!r}, but from {', '.join(inputs)}."
            raise ProblemError(404, "unknown-table", "Unknown table", detail)
        inputs = {query.table: inputs[query.table]}
    if query.partition is None:
        return inputs
    chosen = {name: [one for one in objects if one["partition"] == query.partition] for name, objects in inputs.items()}
    if not any(chosen.values()):
        known = sorted({one["partition"] for objects in inputs.values() for one in objects})
        span = f"from {known[0]} to {known[-1]}" if known else "none"
        detail = (
            f"No input of vintage {vintage.id} is in partition {query.partition!r}; there are {len(known)}, {span}."
        )
        raise ProblemError(404, "unknown-partition", "Unknown partition", detail)
    return {name: objects for name, objects in chosen.items() if objects}
