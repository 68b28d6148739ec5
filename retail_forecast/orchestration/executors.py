"""Where the steps of a run work."""

from __future__ import annotations

import dagster as dg

from retail_forecast.errors import ConfigurationError
from retail_forecast.settings import Settings


def build_executor(settings: Settings) -> dg.ExecutorDefinition:
    """One after the other in the run's process; or each in a Job of its own, with what the launcher gives to runs."""
    if settings.executor == "process":
        return dg.in_process_executor
    try:
        from dagster_k8s import k8s_job_executor
    except ImportError as error:
        expected = "process, or an installation with the extra k8s"
        raise ConfigurationError(key="RETAIL_FORECAST_EXECUTOR", found="kubernetes", expected=expected) from error
    executor: dg.ExecutorDefinition = k8s_job_executor
    return executor
