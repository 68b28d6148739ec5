"""The way of a request: recorded, perhaps refused on purpose, then answered by us or by moto."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from moto.core.request import Request
from werkzeug.wrappers import Response

from retail_forecast.emulator.calls import Call, read_call
from retail_forecast.emulator.control import PREFIX, Control

Environ = dict[str, Any]
StartResponse = Callable[..., Any]


@dataclass
class Application:
    """A WSGI application around moto's."""

    moto: Callable[[Environ, StartResponse], Iterable[bytes]]
    control: Control

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answers one request."""
        request = Request(environ)
        if request.path.startswith(PREFIX):
            return self.control.answer(request)(environ, start_response)
        call = read_call(request, self.control.sagemaker.roles.role_of_key)
        if call:
            self.control.recorder.add(call)
            answer = self._planned(call, request) or self._own(call)
            if answer:
                return answer(environ, start_response)
            if call.body:
                environ["wsgi.input"] = BytesIO(call.body)
        return self.moto(environ, start_response)

    def _planned(self, call: Call, request: Request) -> Response | None:
        answer = self.control.faults.take(call)
        if answer:
            request.get_data()
        return answer

    def _own(self, call: Call) -> Response | None:
        if call.service == "pricing":
            answer: tuple[int, Any] | None = self.control.prices.answer(call.action, call.parameters)
        elif call.service == "sagemaker":
            answer = self.control.sagemaker.answer(call.action, call.body, call.region)
        else:
            return None
        if answer is None:
            return None
        status, content = answer
        return Response(json.dumps(content), status, content_type="application/x-amz-json-1.1")
