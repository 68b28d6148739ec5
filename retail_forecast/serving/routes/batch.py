"""Forecasts of many series at once, as JSON, as lines of JSON, or as Arrow."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from retail_forecast.serving.compression import LEAST_BYTES, compressed, compressor
from retail_forecast.serving.contracts import BatchAnswer, BatchRequest
from retail_forecast.serving.negotiation import ARROW, NDJSON, Coding, choose_coding, choose_media
from retail_forecast.serving.routes.common import STRICT, Serving, documented, require
from retail_forecast.serving.strict_json import StrictRoute

router = APIRouter(prefix="/v1", tags=["forecasts"], route_class=StrictRoute)

_VARY = {"Vary": "Accept, Accept-Encoding"}


@router.post(
    "/forecasts",
    response_model=BatchAnswer,
    responses={200: {"content": {NDJSON: {}, ARROW: {}}}, **documented(413, 422, 503)},
    dependencies=STRICT,
    summary="Forecasts of many series",
)
def post_forecasts(batch: BatchRequest, serving: Serving, request: Request) -> Response:
    """Up to 1000 series at once; those that the vintage does not have are listed under `unknown`.

    `Accept: application/x-ndjson` streams a line per series, `Accept: application/vnd.apache.arrow.stream` is answered
    with an Arrow IPC stream.
    """
    series = [(key.store_id, key.item_id) for key in batch.series]
    predictor = require(serving, *series)
    media, coding = choose_media(request.headers.get("accept", "")), request.headers.get("accept-encoding", "")
    if media == NDJSON:
        return _streamed(predictor.answers.lines(series), coding)
    body = predictor.answers.arrow(series) if media == ARROW else predictor.answers.many(series)
    return _whole(body, media, coding)


def _whole(body: bytes, media: str, accepted: str) -> Response:
    coding = choose_coding(accepted) if accepted and len(body) >= LEAST_BYTES else None
    if coding is None:
        return Response(body, media_type=media, headers=_VARY)
    return Response(compressed(body, coding), media_type=media, headers=_VARY | {"Content-Encoding": coding})


def _streamed(pieces: Iterator[bytes], accepted: str) -> Response:
    coding = choose_coding(accepted) if accepted else None
    if coding is None:
        return StreamingResponse(pieces, media_type=NDJSON, headers=_VARY)
    return StreamingResponse(_packed(pieces, coding), media_type=NDJSON, headers=_VARY | {"Content-Encoding": coding})


def _packed(pieces: Iterator[bytes], coding: Coding) -> Iterator[bytes]:
    encoder = compressor(coding)
    for piece in pieces:
        yield encoder.compress(piece)
    yield encoder.flush()
