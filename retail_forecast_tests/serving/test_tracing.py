from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from retail_forecast.errors import ConfigurationError
from retail_forecast.serving.app import build_app
from retail_forecast.serving.state import ServingState
from retail_forecast.serving.tracing import model_run, start_tracing, trace_to
from retail_forecast.settings import Settings
from retail_forecast_tests.serving.conftest import World

pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
WHAT_IF = {"store_id": "S1", "item_id": "milk", "changes": [{"values": {"sell_price": 1.5}}]}


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The spans of this test, in memory."""
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    trace_to(SimpleSpanProcessor(exporter))
    yield exporter
    trace_to(None)


@pytest.fixture
def traced(spans: Any, serving: ServingState) -> Iterator[TestClient]:
    with TestClient(build_app(serving), raise_server_exceptions=False) as client:
        yield client


def test_a_request_is_a_span_that_says_what_answered(traced: TestClient, spans: Any, world: World) -> None:
    traced.get("/v1/stores", headers={"traceparent": PARENT})
    (span,) = spans.get_finished_spans()
    assert span.name == "GET /v1/stores"
    assert f"{span.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert f"{span.parent.span_id:016x}" == "b7ad6b7169203331"
    told = dict(span.attributes)
    assert (told["http.route"], told["http.response.status_code"]) == ("/v1/stores", 200)
    assert (told["retail_forecast.vintage"], told["retail_forecast.model_version"]) == (world.first.id, "1")


def test_the_model_at_work_is_a_child_of_its_request(traced: TestClient, spans: Any) -> None:
    assert traced.post("/v1/what-if", json=WHAT_IF).status_code == 200
    child, request = spans.get_finished_spans()
    assert (child.name, request.name) == ("what-if", "POST /v1/what-if")
    assert child.parent.span_id == request.context.span_id
    assert request.attributes["retail_forecast.caller_kind"] == "address"


def test_probes_leave_no_spans(traced: TestClient, spans: Any) -> None:
    for path in ("/livez", "/readyz", "/metrics"):
        assert traced.get(path).status_code == 200
    assert spans.get_finished_spans() == ()


def test_nothing_is_traced_and_nothing_imported_unless_it_is_said(tmp_path: Path) -> None:
    start_tracing(Settings(home=tmp_path))
    with model_run("nothing") as span:
        assert span is None


def test_without_the_extra_the_setting_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(ConfigurationError, match=r"RETAIL_FORECAST_TRACES.*retail-forecast\[tracing\]"):
        start_tracing(Settings(home=tmp_path, traces="otlp"))
