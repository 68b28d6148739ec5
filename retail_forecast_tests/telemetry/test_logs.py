"""Log lines that a machine can query."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from retail_forecast.telemetry.logs import VARIABLE, configure_logging, log_fields


@pytest.fixture
def ours() -> Iterator[logging.Logger]:
    """Our logger, given back as it was."""
    logger = logging.getLogger("retail_forecast")
    handlers, level = list(logger.handlers), logger.level
    yield logger
    logger.handlers = handlers
    logger.setLevel(level)


def _lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_json_line_has_message_level_logger_and_fields(ours: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "json")
    stream = io.StringIO()
    configure_logging(stream=stream)
    with log_fields(asset="forecasts"), log_fields(vintage="v1"):
        logging.getLogger("retail_forecast.x").warning("%s rows", 3, extra={"rows": 3})
    logging.getLogger("retail_forecast.x").info("after")
    first, second = _lines(stream)
    assert {name: first[name] for name in first if name != "time"} == {
        "level": "WARNING",
        "logger": "retail_forecast.x",
        "message": "3 rows",
        "asset": "forecasts",
        "vintage": "v1",
        "rows": 3,
    }
    assert "vintage" not in second


def test_an_exception_is_a_field_of_its_line(ours: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "json")
    stream = io.StringIO()
    configure_logging(stream=stream)
    try:
        raise ZeroDivisionError("none left")
    except ZeroDivisionError:
        ours.exception("It failed\nat last")
    (line,) = _lines(stream)
    assert line["message"] == "It failed\nat last"
    assert line["exception"].endswith("ZeroDivisionError: none left")


def test_text_is_the_default(ours: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    stream = io.StringIO()
    configure_logging(stream=stream)
    ours.info("hello")
    assert stream.getvalue().endswith("INFO retail_forecast: hello\n")
