"""What every sink of metrics does, asked of each implementation and read back where it went."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from retail_forecast.emulator import Cloud
from retail_forecast.errors import AwsError
from retail_forecast.settings import Settings
from retail_forecast.telemetry import catalogue
from retail_forecast.telemetry.cloudwatch import CloudWatchMetrics
from retail_forecast.telemetry.metrics import LogMetrics, Measurement, MetricsSink, open_metrics

NOW = datetime.now(UTC)


@dataclass(frozen=True)
class Kept:
    """A sink, and what it kept: metric and asset to value."""

    sink: MetricsSink
    read: Callable[[], dict[tuple[str, str | None], float]]


@pytest.fixture(params=["log", "cloudwatch"])
def kept(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Kept:
    if request.param == "cloudwatch":
        return _cloudwatch(request.getfixturevalue("aws_cloud"))
    caplog.set_level(logging.INFO, "retail_forecast.metrics")
    return Kept(LogMetrics(), lambda: _logged(caplog))


def _cloudwatch(cloud: Cloud) -> Kept:
    namespace = f"Test/{uuid.uuid4().hex}"
    client = cloud.client("cloudwatch")

    def read() -> dict[tuple[str, str | None], float]:
        pages = client.get_paginator("list_metrics").paginate(Namespace=namespace)
        metrics = [metric for page in pages for metric in page["Metrics"]]
        found = {}
        for start in range(0, len(metrics), 500):  # what one call answers
            for metric, value in _sums(client, metrics[start : start + 500]):
                named = {one["Name"]: one["Value"] for one in metric["Dimensions"]}
                assert named["Dataset"] == "tiny"
                found[metric["MetricName"], named.get("Asset")] = value
        return found

    return Kept(CloudWatchMetrics(namespace=namespace, region=cloud.region), read)


def _sums(client: Any, metrics: Sequence[Any]) -> Iterator[tuple[Any, float]]:
    """Each metric with the sum of what was put to it."""
    queries = [
        {"Id": f"m{number}", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}
        for number, metric in enumerate(metrics)
    ]
    span = {"StartTime": NOW - timedelta(minutes=5), "EndTime": NOW + timedelta(minutes=5)}
    for one in client.get_metric_data(MetricDataQueries=queries, **span)["MetricDataResults"]:
        yield metrics[int(one["Id"][1:])], sum(one["Values"])


def _logged(caplog: pytest.LogCaptureFixture) -> dict[tuple[str, str | None], float]:
    found = [item for record in caplog.records for item in vars(record)["metrics"].items()]
    return {(name.partition(".")[0], name.partition(".")[2] or None): value for name, value in found}


def test_measurements_are_kept_under_their_names_and_dimensions(kept: Kept) -> None:
    kept.sink.publish(
        [
            Measurement(catalogue.FRESHNESS, 31.5, "tiny", NOW),
            Measurement(catalogue.ROWS, 360, "tiny", NOW, asset="sales"),
            Measurement(catalogue.ROWS, 12, "tiny", NOW, asset="stores"),
        ]
    )
    assert kept.read() == {
        ("DataFreshnessHours", None): 31.5,
        ("TableRows", "sales"): 360,
        ("TableRows", "stores"): 12,
    }


def test_nothing_measured_is_nothing_kept(kept: Kept) -> None:
    kept.sink.publish([])
    assert kept.read() == {}


def test_more_measurements_than_one_call_takes_are_all_kept(kept: Kept) -> None:
    kept.sink.publish([Measurement(catalogue.ROWS, n, "tiny", NOW, asset=f"table{n:04}") for n in range(1001)])
    found = kept.read()
    assert len(found) == 1001
    assert found["TableRows", "table1000"] == 1000


def test_a_refusal_names_the_namespace(aws_cloud: Cloud) -> None:
    sink = CloudWatchMetrics(namespace="Test/Old", region=aws_cloud.region)
    naive = Measurement(catalogue.FRESHNESS, 1.0, "", NOW)  # CloudWatch takes no empty dimension
    with pytest.raises(AwsError, match="Test/Old"):
        sink.publish([naive])


def test_the_settings_choose_the_sink() -> None:
    assert isinstance(open_metrics(Settings()), LogMetrics)
    assert isinstance(open_metrics(Settings(metrics="cloudwatch")), CloudWatchMetrics)


@pytest.mark.parametrize(("metric", "asset"), [(catalogue.ROWS, None), (catalogue.FRESHNESS, "sales")])
def test_a_measurement_has_the_dimensions_of_its_metric(metric: catalogue.Metric, asset: str | None) -> None:
    with pytest.raises(ValueError, match=metric.name):
        Measurement(metric, 1.0, "tiny", NOW, asset=asset)


def test_what_is_no_number_is_not_a_measurement() -> None:
    with pytest.raises(ValueError, match="leave out what is not known"):
        Measurement(catalogue.DRIFT, float("nan"), "tiny", NOW)
