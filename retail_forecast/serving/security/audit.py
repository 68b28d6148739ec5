"""Who asked the model what-if, and who changed which model answers: lines of the logger `retail_forecast.audit`.

Each line is a sentence, and with RETAIL_FORECAST_LOG_FORMAT=json has its facts as fields. It holds no key, no token
and no value of a scenario, only a digest that tells equal scenarios.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from starlette.types import Message, Receive

from retail_forecast.serving.security.callers import WHAT_IF, Caller
from retail_forecast.telemetry.audit import audit

_SHOWN = 200


class AuditedBody:
    """Passes a request's body on and keeps a copy; Boundary has limited its size."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._parts = receive, list[bytes]()

    async def receive(self) -> Message:
        """What the application receives."""
        message = await self._receive()
        self._parts.append(message.get("body", b""))
        return message

    @property
    def data(self) -> bytes:
        """What came."""
        return b"".join(self._parts)


def audit_what_if(caller: Caller, route: str, body: bytes, status: int, origin: Mapping[str, str]) -> None:
    """One line on a scenario that was asked for, answered or not."""
    asked = _parsed(body)
    audit(
        "what-if",
        caller=caller.name,
        scope=WHAT_IF,
        route=route,
        series=_series(asked),
        changes=_digest(asked.get("changes")),
        vintage=origin.get("vintage"),
        status=status,
    )


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _series(asked: Mapping[str, Any]) -> str:
    """The series, or the first of several and how many follow."""
    several = asked.get("series")
    if not isinstance(several, list) or not several:
        return _key(asked)
    return f"{_key(several[0])} and {len(several) - 1} more"


def _key(named: object) -> str:
    known = named if isinstance(named, dict) else {}
    return "/".join(str(known.get(name))[:_SHOWN] for name in ("store_id", "item_id"))


def _digest(changes: object) -> str:
    """The same for equal changes, however they are written."""
    return hashlib.sha256(json.dumps(changes, sort_keys=True).encode()).hexdigest()[:16]
