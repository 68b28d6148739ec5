"""Forecasts as a file, for who goes on in a spreadsheet."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from retail_forecast.evaluation.hierarchy import SERIES
from retail_forecast.serving.contracts_download import DownloadQuery
from retail_forecast.serving.downloads import MEDIA_TYPES, csv_file, excel_file, file_name, forecast_frame
from retail_forecast.serving.levels import SERIES_LEVEL
from retail_forecast.serving.predictor import Predictor
from retail_forecast.serving.routes.common import (
    Serving,
    documented,
    require,
    require_group,
    require_group_series,
    require_level,
    require_series,
)

router = APIRouter(prefix="/v1", tags=["forecasts"])
_BINARY = {"schema": {"type": "string", "format": "binary"}}


@router.get(
    "/download",
    response_class=Response,
    responses={
        200: {"description": "The file", "content": dict.fromkeys(MEDIA_TYPES.values(), _BINARY)},
        **documented(404, 422, 503),
    },
    summary="Forecasts as a file",
)
def get_download(query: Annotated[DownloadQuery, Query()], serving: Serving) -> Response:
    """The forecasts of a series (`store_id` and `item_id`) or a group (`level` and `group`), as CSV or Excel.

    Both say where the numbers come from: CSV in the last columns of each row, Excel on its second sheet.
    """
    asked = None if query.level is not None else (str(query.store_id), str(query.item_id))
    predictor = require(serving, *([] if asked is None else [asked]))
    key, forecasts = _find(predictor, query)
    frame = forecast_frame(key, forecasts)
    write = csv_file if query.format == "csv" else excel_file
    name = file_name("forecasts", *key.values(), predictor.vintage.id, file_format=query.format)
    return Response(
        write(frame, predictor.provenance),
        media_type=MEDIA_TYPES[query.format],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _find(predictor: Predictor, query: DownloadQuery) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """The columns that name what was asked for, and its forecasts; ends the request with 404 if there are none."""
    if query.level is None:
        series = require_series(predictor, str(query.store_id), str(query.item_id))
        return dict(zip(SERIES, series, strict=True)), predictor.table.rows(series)
    level, group = require_level(predictor, query.level), str(query.group)
    if level == SERIES_LEVEL:
        series = require_group_series(predictor, group)
        return dict(zip(SERIES, series, strict=True)), predictor.table.rows(series)
    group = require_group(predictor, level, group)
    return {"level": level, "group": group}, predictor.insight.levels.rows(level, group)
