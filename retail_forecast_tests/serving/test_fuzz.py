"""Whatever the OpenAPI document allows, and what it does not, is answered as the document says, and never with 5xx."""

from __future__ import annotations

from typing import Any, cast

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from retail_forecast.serving.state import ServingState
from retail_forecast_tests.serving.fuzzing import CONFIG, build_fuzzed_app


@pytest.fixture(scope="module")
def app(serving: ServingState) -> FastAPI:
    return build_fuzzed_app(serving)


def fuzz(app: FastAPI, mode: GenerationMode, examples: int) -> int:
    """Cases that were asked; every check of schemathesis holds for each of them."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, config=schemathesis.Config.from_path(CONFIG))
    asked = 0
    chosen = settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )

    def ask(case: Any) -> None:
        nonlocal asked
        asked += 1
        case.call_and_validate()

    for found in schema.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]
        strategy: Any = operation.as_strategy(generation_mode=mode)
        ask_all = cast(Any, given)(strategy)(ask)
        chosen(ask_all)()
    return asked


def test_a_valid_question_of_every_route_is_answered_as_documented(app: FastAPI) -> None:
    assert fuzz(app, GenerationMode.POSITIVE, 2) >= 20


@pytest.mark.slow
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_many_questions_good_and_bad_are_answered_as_documented(app: FastAPI, mode: GenerationMode) -> None:
    assert fuzz(app, mode, 50) >= 400
