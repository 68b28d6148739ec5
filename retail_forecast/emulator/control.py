"""The emulator's own endpoints, below /_emulator: what a test or a drill does to the cloud."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from werkzeug.wrappers import Request, Response

from retail_forecast.emulator.faults import Faults
from retail_forecast.emulator.price_list import PriceList
from retail_forecast.emulator.recorder import Recorder
from retail_forecast.emulator.sagemaker.errors import RefusedError
from retail_forecast.emulator.sagemaker.service import SageMaker

PREFIX = "/_emulator/"


@dataclass
class Control:
    """Answers in JSON. 404: no such endpoint, 409: refused, 400: the body is not what is expected."""

    sagemaker: SageMaker
    faults: Faults
    recorder: Recorder
    prices: PriceList = field(default_factory=PriceList)

    def answer(self, request: Request) -> Response:
        """One request."""
        first, _, rest = request.path.removeprefix(PREFIX).partition("/")
        endpoint: Callable[[Request, str], Any] | None = {
            "health": lambda _request, _rest: {"status": "up"},
            "calls": lambda _request, _rest: self.recorder.read(),
            "faults": self._faults,
            "images": self._images,
            "prices": self._prices,
            "settings": self._settings,
            "sagemaker": self._sagemaker,
        }.get(first)
        if endpoint is None:
            return _json({"error": f"There is no {request.path}."}, 404)
        try:
            return _json(endpoint(request, rest), 200)
        except RefusedError as error:
            return _json({"error": str(error)}, 409)
        except (KeyError, TypeError, ValueError) as error:
            return _json({"error": f"{type(error).__name__}: {error}"}, 400)

    def _faults(self, request: Request, _rest: str) -> Any:
        if request.method == "POST":
            self.faults.plan(**request.get_json())
        elif request.method == "DELETE":
            self.faults.clear()
        return self.faults.left()

    def _images(self, request: Request, _rest: str) -> Any:
        for pattern, command in request.get_json().items():
            self.sagemaker.world.images.add(pattern, command)
        return {}

    def _prices(self, request: Request, _rest: str) -> Any:
        self.prices.products += request.get_json()
        return {}

    def _settings(self, request: Request, _rest: str) -> Any:
        self.sagemaker.world.change(**request.get_json())
        return {}

    def _sagemaker(self, request: Request, rest: str) -> Any:
        """interrupt/JOB takes a spot job's capacity back; fail-next lets the next jobs fail of a reason."""
        order, _, job = rest.partition("/")
        region = self.sagemaker.region(request.args["region"])
        if order == "interrupt":
            region.training.interrupt(job)
        elif order == "fail-next":
            wish = request.get_json()
            region.training.planned_failures += [wish["reason"]] * wish.get("times", 1)
        else:
            raise ValueError(f"{order} is neither interrupt nor fail-next")
        return {}


def _json(content: Any, status: int) -> Response:
    return Response(json.dumps(content), status, content_type="application/json")
