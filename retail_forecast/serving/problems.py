"""Errors over HTTP as RFC 9457 problem documents: what is wrong, which culprit, what to do."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


class ProblemError(Exception):
    """Ends a request with a problem document; `members` are further fields of the document."""

    def __init__(
        self,
        status: int,
        name: str,
        title: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        self.status, self.name, self.title, self.detail, self.members = status, name, title, detail, members
        self.headers = dict(headers or {})
        super().__init__(detail)


def problem_response(request: Request, problem: ProblemError, provenance: dict[str, Any]) -> JSONResponse:
    """The problem as a response; it carries the active vintage like every other answer."""
    document = {
        "type": f"urn:retail-forecast:problem:{problem.name}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": request.url.path,
        **provenance,
        **problem.members,
    }
    headers = {"Retry-After": "5"} if problem.status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    headers |= {"Allow": problem.members["allowed"]} if "allowed" in problem.members else {}
    return _ProblemResponse(
        document, status_code=problem.status, media_type=MEDIA_TYPE, headers={**headers, **problem.headers}
    )


class _ProblemResponse(JSONResponse):
    """In ASCII: it may name what was sent, and not everything that JSON can escape can be written in UTF-8."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, allow_nan=False).encode("ascii")


def install_problems(app: FastAPI) -> None:
    """Makes every error of the app a problem document, those of the framework too."""

    def respond(request: Request, problem: ProblemError) -> JSONResponse:
        return problem_response(request, problem, request.app.state.serving.provenance())

    @app.exception_handler(ProblemError)
    async def on_problem(request: Request, error: ProblemError) -> JSONResponse:
        return respond(request, error)

    @app.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return respond(request, _invalid(error))

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> JSONResponse:
        return respond(request, _http(request, error))


def problem_of(request: Request, error: BaseException) -> ProblemError:
    """What an error that reached the edge means to who asks; a bug is logged and tells nothing of itself."""
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, HTTPException):
        return _http(request, error)
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    detail = "The request could not be answered because of a fault on our side; the replica's log has it."
    return ProblemError(500, "internal", "Internal error", detail)


def _invalid(error: RequestValidationError) -> ProblemError:
    errors = [_told(one) for one in error.errors()]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    detail = f"{errors[0]['where']}: {errors[0]['problem']}; found {errors[0]['found']}{more}. /docs has the schema."
    return ProblemError(422, "invalid-request", "The request is not valid", detail, errors=errors)


def _told(error: dict[str, Any]) -> dict[str, str]:
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "json_invalid":
        return {"where": where, "problem": f"no valid JSON, {error['ctx']['error']}", "found": "something else"}
    return {"where": where, "problem": error["msg"], "found": _short(error.get("input"))}


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."


def _http(request: Request, error: HTTPException) -> ProblemError:
    if error.status_code == HTTPStatus.NOT_FOUND:
        detail = f"There is nothing at {request.url.path}; /docs lists every route."
        return ProblemError(404, "no-such-route", "No such route", detail)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "")
        detail = f"{request.url.path} does not take {request.method}, only {allowed}."
        return ProblemError(405, "method-not-allowed", "Method not allowed", detail, allowed=allowed)
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return ProblemError(413, "too-large", "The request is too large", str(error.detail))
    if error.status_code == HTTPStatus.REQUEST_TIMEOUT:
        return ProblemError(408, "too-slow", "The request took too long", str(error.detail))
    title = HTTPStatus(error.status_code).phrase
    return ProblemError(error.status_code, title.lower().replace(" ", "-"), title, str(error.detail))
