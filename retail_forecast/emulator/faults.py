"""Planned refusals: the next calls of an action are answered with an error of AWS."""

from __future__ import annotations

import fnmatch
import json
import threading
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any

from werkzeug.wrappers import Response

from retail_forecast.emulator.calls import Call

_STATUS = {
    "SlowDown": 503,
    "InternalError": 500,
    "InternalFailure": 500,
    "ServiceUnavailable": 503,
    "AccessDenied": 403,
}
_MESSAGES = {
    "SlowDown": "Please reduce your request rate.",
    "ThrottlingException": "Rate exceeded",
    "AccessDenied": "Access Denied",
    "ExpiredToken": "The provided token has expired.",
    "ExpiredTokenException": "The security token included in the request is expired",
    "ResourceLimitExceeded": "The account-level service limit for this instance type is 0 Instances.",
}


@dataclass
class Fault:
    """The next `times` calls of an action get `code`. Service, action, resource and principal may be globs."""

    service: str
    action: str
    code: str
    times: int = 1
    status: int | None = None
    message: str | None = None
    principal: str = "*"
    resource: str = "*"

    def matches(self, call: Call) -> bool:
        """Whether this call shall get it."""
        pairs = (
            (call.service, self.service),
            (call.action, self.action),
            (call.principal, self.principal),
            (call.resource or "", self.resource),
        )
        return self.times > 0 and all(fnmatch.fnmatchcase(value, pattern) for value, pattern in pairs)


@dataclass
class Faults:
    """All planned faults, the oldest first."""

    planned: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def plan(self, **fault: Any) -> None:
        """Adds one."""
        with self._lock:
            self.planned.append(Fault(**fault))

    def clear(self) -> None:
        """Forgets all."""
        with self._lock:
            self.planned.clear()

    def left(self) -> list[dict[str, Any]]:
        """What has not been used up."""
        return [asdict(fault) for fault in self.planned if fault.times > 0]

    def take(self, call: Call) -> Response | None:
        """The refusal of this call, if one is planned."""
        with self._lock:
            fault = next((fault for fault in self.planned if fault.matches(call)), None)
            if fault is None:
                return None
            fault.times -= 1
        message = fault.message or _MESSAGES.get(fault.code, f"A planned refusal of {call.action}.")
        return refusal(call, fault.code, message, fault.status or _STATUS.get(fault.code, 400))


def refusal(call: Call, code: str, message: str, status: int) -> Response:
    """An error in the service's own protocol. The connection closes, as the request's body may not have been read."""
    close = {"Connection": "close"}
    if call.service == "s3":
        text = f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message><RequestId>0</RequestId></Error>"
        return Response(text, status, close, content_type="application/xml")
    if "Action" in call.parameters and call.body and not call.body.startswith(b"{"):
        error = f"<Type>Sender</Type><Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
        text = f"<ErrorResponse><Error>{error}</Error><RequestId>0</RequestId></ErrorResponse>"
        return Response(text, status, close, content_type="text/xml")
    text = json.dumps({"__type": code, "message": message})
    return Response(text, status, close | {"x-amzn-ErrorType": code}, content_type="application/x-amz-json-1.1")
