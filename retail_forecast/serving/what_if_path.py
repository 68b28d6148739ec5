"""POST /v1/what-if as plain ASGI, before FastAPI, whose machinery costs a fifth of such an answer.

What is not asked as it should be goes on to the route of the same path, which says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from json import JSONDecodeError

from fastapi import Request
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from retail_forecast.serving.batching import MicroBatcher
from retail_forecast.serving.contracts_what_if import WhatIfRequest
from retail_forecast.serving.problems import ProblemError, problem_of, problem_response
from retail_forecast.serving.routes.what_if import answer_what_if
from retail_forecast.serving.scenario_answers import Question
from retail_forecast.serving.state import ServingState
from retail_forecast.serving.strict_json import parse_json

PATH = "/v1/what-if"


@dataclass(frozen=True)
class _Route:
    """What the metrics call the route."""

    path: str = PATH


_ROUTE = _Route()


class WhatIfPath:
    """ASGI middleware that answers what-if questions."""

    def __init__(self, app: ASGIApp, serving: ServingState, batcher: MicroBatcher[Question, bytes]) -> None:
        self.app, self.serving, self.batcher = app, serving, batcher

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_asked(scope):
            await self.app(scope, receive, send)
            return
        scope["route"] = _ROUTE
        try:
            messages = await _received(receive)
            question = _question(messages)
            body = await answer_what_if(question, self.serving, self.batcher) if question is not None else None
        except (ProblemError, HTTPException) as error:  # here, for what is around notes the status
            request = Request(scope)
            response = problem_response(request, problem_of(request, error), self.serving.provenance())
            await response(scope, receive, send)
            return
        if body is None:
            await self.app(scope, _again(messages, receive), send)
            return
        headers = [(b"content-length", str(len(body)).encode()), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _is_asked(scope: Scope) -> bool:
    """Whether it is a question in JSON without parameters."""
    if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST" or scope["query_string"]:
        return False
    kinds = [value for name, value in scope["headers"] if name == b"content-type"]
    return kinds == [b"application/json"]


async def _received(receive: Receive) -> list[Message]:
    """All parts of the body, or what came until the caller left."""
    messages = [await receive()]
    while messages[-1].get("more_body", False):
        messages.append(await receive())
    return messages


def _question(messages: Sequence[Message]) -> WhatIfRequest | None:
    """None where the route has something to say about it."""
    if messages[-1]["type"] != "http.request":
        return None
    try:
        return WhatIfRequest.model_validate(parse_json(b"".join(message.get("body", b"") for message in messages)))
    except (JSONDecodeError, ValidationError):
        return None


def _again(messages: list[Message], receive: Receive) -> Receive:
    """Receives what has been received already, and then what comes."""
    left = iter(messages)

    async def receive_again() -> Message:
        message = next(left, None)
        return message if message is not None else await receive()

    return receive_again
