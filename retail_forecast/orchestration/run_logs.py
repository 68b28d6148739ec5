"""What a run prints, as JSON lines: each with the run, its job and its step."""

import logging
from collections.abc import Mapping, Sequence

import dagster as dg
from dagster._core.execution import context_creation_job

from retail_forecast.settings import Settings
from retail_forecast.telemetry.logs import json_handler

_LEVEL = "INFO"
AS_JSON = {"loggers": {"console": {"config": {"log_level": _LEVEL}}}}
"""Run configuration that asks for the console logger, and so for the one of `build_loggers`."""


def build_loggers(settings: Settings) -> dict[str, dg.LoggerDefinition]:
    """Dagster's console logger, replaced where the settings ask for JSON. The event log in the UI stays as it is."""
    return {"console": json_lines} if settings.log_format == "json" else {}


def print_json_lines() -> None:
    """Makes JSON lines what this process prints of a run that nobody configured, such as those of automation.

    Dagster 1.13 prints coloured text then, and has no setting for it.
    """
    context_creation_job.default_system_loggers = _default_loggers  # type: ignore[attr-defined]


def _default_loggers(
    instance: dg.DagsterInstance | None,  # noqa: ARG001  as Dagster calls it
) -> Sequence[tuple[dg.LoggerDefinition, Mapping[str, object]]]:
    return [(json_lines, {"log_level": _LEVEL})]


@dg.logger(
    config_schema={"log_level": dg.Field(str, is_required=False, default_value=_LEVEL)},
    description="One JSON object per line on standard error.",
)
def json_lines(context: dg.InitLoggerContext) -> logging.Logger:
    logger = logging.Logger("dagster.run", level=context.logger_config["log_level"])
    logger.addHandler(json_handler())
    return logger
