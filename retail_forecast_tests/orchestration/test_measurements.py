"""What the sensor measures, over a real lake, instance and sensor; the sink keeps what it is given."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import dagster as dg
import pytest

from retail_forecast.lake.artifacts import Artifact
from retail_forecast.lake.vintages import latest_vintage
from retail_forecast.orchestration.arrivals import build_arrivals_sensor
from retail_forecast.orchestration.measurements import build_measurements_sensor
from retail_forecast.orchestration.training_run import MODELS, Progress, write_progress
from retail_forecast.pipeline.measurements import measure_lake
from retail_forecast.pipeline.tables import publish_table, stale_partitions
from retail_forecast.serving import EndpointStatus
from retail_forecast.serving.metrics import Metrics
from retail_forecast.telemetry.metrics import Measurement
from retail_forecast_tests.orchestration.endpoints import FakeEndpoint
from retail_forecast_tests.orchestration.vintages import publish_last_sales
from retail_forecast_tests.orchestration.world import World, day, tick

DOWN = EndpointStatus("down", "http://127.0.0.1:9")


@dataclass
class Kept:
    """A sink that keeps measurements, by metric and asset."""

    looks: list[dict[str, float]] = field(default_factory=list)

    def publish(self, measurements: list[Measurement]) -> None:
        self.looks.append({one.metric.name + (f" {one.asset}" if one.asset else ""): one.value for one in measurements})


@dataclass
class Answering(FakeEndpoint):
    """An endpoint that is as it is told."""

    now: EndpointStatus = DOWN

    def status(self) -> EndpointStatus:
        return self.now


@pytest.fixture
def published(world: World, instance: dg.DagsterInstance) -> World:
    """Three days of sales, a file that is none, and a vintage."""
    world.deliver_all(days=3)
    world.put("sales/broken.csv", b"store_id,item_id\nnorth,ale\n")
    tick(build_arrivals_sensor(world.platform), instance, None)
    for name in world.dataset.tables:
        stale = stale_partitions(world.lake, world.dataset, name)
        publish_table(world.lake, world.landing, world.dataset, name, stale)
    publish_last_sales(world)
    return world


def _look(
    world: World,
    instance: dg.DagsterInstance,
    kept: Kept,
    cursor: str | None = None,
    endpoint: FakeEndpoint | None = None,
) -> str | None:
    sensor = build_measurements_sensor(world.platform)
    resources = {"metrics": kept, "endpoint_port": endpoint or Answering()}
    result = sensor(dg.build_sensor_context(instance=instance, cursor=cursor, resources=resources))
    assert isinstance(result, dg.SensorResult)
    return result.cursor


def test_the_lake_says_how_fresh_and_how_large_it_is(published: World) -> None:
    at = datetime.combine(day(3), datetime.min.time(), UTC) + timedelta(hours=30)
    found = {(one.metric.name, one.asset): one.value for one in measure_lake(published.lake, published.dataset, at)}
    # the last sales are those of day 2, which ended 30 hours before
    assert found["DataFreshnessHours", None] == 30
    assert found["TableRows", "sales"] == 3 * 6
    assert found["TableRows", "stores"] == 2
    assert found["RejectedFiles", None] == 1
    vintage = latest_vintage(published.lake)
    assert vintage is not None
    made = datetime.fromisoformat(vintage.created_at)
    assert found["VintageAgeHours", None] == pytest.approx((at - made).total_seconds() / 3600)


def test_an_empty_lake_has_no_rows_and_nothing_else_to_tell(world: World) -> None:
    at = datetime(2024, 3, 1, tzinfo=UTC)
    found = {one.metric.name: one.value for one in measure_lake(world.lake, world.dataset, at)}
    assert found == {"TableRows": 0, "RejectedFiles": 0}


def test_a_look_publishes_and_says_how_much(published: World, instance: dg.DagsterInstance) -> None:
    kept = Kept()
    _look(published, instance, kept)
    assert kept.looks[0]["EndpointReady"] == 0
    assert "EndpointRequests" not in kept.looks[0]


def test_a_training_job_is_told_once(published: World, instance: dg.DagsterInstance) -> None:
    Artifact(published.lake, MODELS, "m1").mark_published({"seconds": 61.5, "cost USD": 0.12})
    write_progress(published.lake, Progress("r", str(date(2024, 1, 3)), "f", model="m1"))
    kept = Kept()
    cursor = _look(published, instance, kept)
    _look(published, instance, kept, cursor)
    first, second = kept.looks
    assert (first["TrainingSeconds model"], first["TrainingCostUsd model"]) == (61.5, 0.12)
    assert not [name for name in second if name.startswith("Training")]


def test_the_load_of_the_endpoint_is_told_from_the_second_look_on(world: World, instance: dg.DagsterInstance) -> None:
    kept, counters = Kept(), Metrics()
    with metrics_url(counters) as url:
        endpoint = Answering(now=EndpointStatus("ready", url))
        counters.observe(method="GET", route="/v1/x", status=200, vintage="v", model_version="1", seconds=2.0)
        cursor = _look(world, instance, kept, None, endpoint)
        for status in (200, 200, 500):
            counters.observe(method="GET", route="/v1/x", status=status, vintage="v", model_version="1", seconds=0.002)
        _look(world, instance, kept, cursor, endpoint)
    first, second = kept.looks
    assert first["EndpointReady"] == 1
    assert "EndpointRequests" not in first
    assert (second["EndpointRequests"], second["EndpointErrors"]) == (3, 1)
    assert second["EndpointLatencyP50"] == pytest.approx(1 + 1.5 / 2)  # the middle of (1 ms, 2.5 ms]


@contextmanager
def metrics_url(counters: Metrics) -> Iterator[str]:
    """Serves the counters as the endpoint does, and says where."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(counters.render())

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
