"""Bodies as RFC 8259 and I-JSON (RFC 7493) have them: what Python's parser lets pass beyond that is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from json import JSONDecodeError
from typing import Any, NoReturn

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class StrictRoute(APIRoute):
    """For routers whose requests have bodies: `APIRouter(route_class=StrictRoute)`."""

    def get_route_handler(self) -> Handler:
        """The usual handler, with a request whose JSON is strict."""
        handle: Handler = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            return await handle(_StrictRequest(request.scope, request.receive))

        return handle_strictly


class _StrictRequest(Request):
    async def json(self) -> Any:
        return parse_json(await self.body())


def parse_json(body: bytes) -> Any:
    """The value of the text. Raises JSONDecodeError for a key that comes twice, NaN and Infinity, numbers of thousands
    of digits, other encodings than UTF-8, half a surrogate pair, and what is nested too deeply to read.

    >>> parse_json(b'{"a": [1, 2.5, null]}')
    {'a': [1, 2.5, None]}
    >>> parse_json(b'{"a": 1, "a": 2}')
    Traceback (most recent call last):
    ...
    json.decoder.JSONDecodeError: key 'a' comes twice: line 1 column 1 (char 0)
    """
    try:
        text = body.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_once_each, parse_constant=_refuse_constant)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except JSONDecodeError:
        raise
    except UnicodeDecodeError as error:
        raise JSONDecodeError("not UTF-8", "", 0) from error
    except UnicodeEncodeError as error:
        raise JSONDecodeError("half a surrogate pair", "", 0) from error
    except RecursionError as error:
        raise JSONDecodeError("nested too deeply", "", 0) from error
    except ValueError as error:
        raise JSONDecodeError(str(error).split(";", 1)[0], "", 0) from error
    return value


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"key {next(key for key in keys if keys.count(key) > 1)[:100]!r} comes twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
