"""Measurements in CloudWatch, many to a call."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from retail_forecast.aws import aws_client, aws_errors
from retail_forecast.telemetry.metrics import Measurement

AT_ONCE = 1000
"""What PutMetricData takes."""


class CloudWatchMetrics:
    """PutMetricData below one namespace."""

    def __init__(self, *, namespace: str, region: str) -> None:
        self._namespace, self._region = namespace, region

    def publish(self, measurements: Sequence[Measurement]) -> None:
        """See MetricsSink. Raises AwsError."""
        with aws_errors(f"CloudWatch namespace {self._namespace}"):
            for start in range(0, len(measurements), AT_ONCE):
                data = [_datum(one) for one in measurements[start : start + AT_ONCE]]
                self._client.put_metric_data(Namespace=self._namespace, MetricData=data)

    @cached_property
    def _client(self) -> Any:
        return aws_client("cloudwatch", region=self._region)


def _datum(one: Measurement) -> dict[str, Any]:
    return {
        "MetricName": one.metric.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in one.dimensions.items()],
        "Timestamp": one.at,
        "Value": one.value,
        "Unit": one.metric.unit,
    }
