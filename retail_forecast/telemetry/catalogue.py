"""Every metric by name, unit and dimensions. docs/observability.md lists the same, and alarms are built on it.

Names and dimensions are a contract; units are those of CloudWatch, and where it has none, the name says it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Unit = Literal["None", "Count", "Seconds", "Milliseconds"]
Dimension = Literal["Dataset", "Asset"]

_BY_DATASET: tuple[Dimension, ...] = ("Dataset",)
_BY_ASSET: tuple[Dimension, ...] = ("Dataset", "Asset")


@dataclass(frozen=True)
class Metric:
    """One thing that is measured."""

    name: str
    unit: Unit
    meaning: str
    dimensions: tuple[Dimension, ...] = _BY_DATASET


FRESHNESS = Metric("DataFreshnessHours", "None", "Hours since the end of the last period with sales (UTC).")
ROWS = Metric("TableRows", "Count", "Rows of a table in force.", _BY_ASSET)
REJECTED = Metric("RejectedFiles", "Count", "Files of the landing that are set aside now.")
WRMSSE = Metric("ForecastErrorWrmsse", "None", "Mean WRMSSE of the vintages that can be judged.")
BIAS = Metric("ForecastBiasUnits", "None", "Mean of forecast less sold of the same vintages: units per period, in all.")
DRIFT = Metric("DriftIndex", "None", "Population stability index of the sales of late; above 0.25 is a change.")
TRAINING_SECONDS = Metric("TrainingSeconds", "Seconds", "Time of a training job that ended; once per job.", _BY_ASSET)
TRAINING_COST = Metric("TrainingCostUsd", "None", "Price of a training job that ended; once per job.", _BY_ASSET)
MODEL_AGE = Metric("ModelAgeDays", "None", "Days since the training cutoff of the model behind the forecasts.")
VINTAGE_AGE = Metric("VintageAgeHours", "None", "Hours since the vintage in force was made.")
LATENCY_P50 = Metric("EndpointLatencyP50", "Milliseconds", "Half of the answers since the last look took less.")
LATENCY_P95 = Metric("EndpointLatencyP95", "Milliseconds", "95 of 100 answers since the last look took less.")
LATENCY_P99 = Metric("EndpointLatencyP99", "Milliseconds", "99 of 100 answers since the last look took less.")
REQUESTS = Metric("EndpointRequests", "Count", "Requests to /v1 since the last look.")
ERRORS = Metric("EndpointErrors", "Count", "Of them those that were answered with 500 or above.")
READY = Metric("EndpointReady", "Count", "1 when every part answers from the wanted vintage, else 0.")
FAILED_RUNS = Metric("FailedRuns", "Count", "A run of Dagster that failed; 1 each.")
FAILED_CHECKS = Metric("FailedChecks", "Count", "A check that did not hold in a run that went on; 1 each.", _BY_ASSET)

CATALOGUE = (
    FRESHNESS,
    ROWS,
    REJECTED,
    WRMSSE,
    BIAS,
    DRIFT,
    TRAINING_SECONDS,
    TRAINING_COST,
    MODEL_AGE,
    VINTAGE_AGE,
    LATENCY_P50,
    LATENCY_P95,
    LATENCY_P99,
    REQUESTS,
    ERRORS,
    READY,
    FAILED_RUNS,
    FAILED_CHECKS,
)
