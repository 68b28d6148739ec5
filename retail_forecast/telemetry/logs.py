"""Logs as text or as JSON lines, chosen by RETAIL_FORECAST_LOG_FORMAT. Needs the standard library alone.

A JSON line holds time, level, logger and message; below Dagster also run_id, job and step; and every field that
`log_fields` put around the work, such as asset and vintage. CloudWatch Logs Insights finds each by its name.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, TextIO

VARIABLE = "RETAIL_FORECAST_LOG_FORMAT"

_fields: ContextVar[Mapping[str, Any]] = ContextVar("retail_forecast_log_fields", default=MappingProxyType({}))
_USUAL = vars(logging.makeLogRecord({})).keys() | {"message", "asctime", "taskName"}
_OF_LIBRARIES = ("dagster", "_")  # Ray stamps every record of its process with fields of its own
_OF_DAGSTER = {"run_id": "run_id", "job_name": "job", "step_key": "step", "resource_name": "resource"}


class JsonFormatter(logging.Formatter):
    """One JSON object per record, on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {"time": time, "level": record.levelname, "logger": record.name}
        line |= {"message": _message(record), **_dagster_fields(record), **_fields.get(), **_extra(record)}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


@contextmanager
def log_fields(**fields: Any) -> Iterator[None]:
    """Every record made inside carries these fields, beside those of the blocks around it."""
    token = _fields.set({**_fields.get(), **fields})
    try:
        yield
    finally:
        _fields.reset(token)


def set_log_fields(**fields: Any) -> None:
    """The same for what else happens in this context, such as a request that has one of its own."""
    _fields.set({**_fields.get(), **fields})


def is_json() -> bool:
    """Whether this process logs JSON lines."""
    return os.environ.get(VARIABLE) == "json"


def configure_logging(*, everything: bool = False, stream: TextIO | None = None) -> None:
    """Sends what is logged from INFO up to the stream (standard error), in the format that was chosen.

    everything: what libraries log, too. Called again, it changes nothing.
    """
    logger = logging.getLogger() if everything else logging.getLogger("retail_forecast")
    for old in [one for one in logger.handlers if isinstance(one, _Ours)]:
        logger.removeHandler(old)
    logger.addHandler(json_handler(stream) if is_json() else _text_handler(stream))
    logger.setLevel(logging.INFO)


class _Ours(logging.StreamHandler[TextIO]):
    """Tells our handlers from those of others."""


def json_handler(stream: TextIO | None = None) -> logging.Handler:
    """Writes JSON lines to the stream, standard error by default."""
    handler = _Ours(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    return handler


def _text_handler(stream: TextIO | None) -> logging.Handler:
    handler = _Ours(stream or sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    return handler


def _message(record: logging.LogRecord) -> str:
    """What was said; Dagster puts run and step before it, which are fields here."""
    meta = getattr(record, "dagster_meta", None) or {}
    return str(meta.get("orig_message") or record.getMessage())


def _dagster_fields(record: logging.LogRecord) -> dict[str, Any]:
    meta = getattr(record, "dagster_meta", None) or {}
    return {ours: meta[name] for name, ours in _OF_DAGSTER.items() if meta.get(name) is not None}


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    given = {name: value for name, value in vars(record).items() if name not in _USUAL}
    return {name: value for name, value in given.items() if not name.startswith(_OF_LIBRARIES)}
