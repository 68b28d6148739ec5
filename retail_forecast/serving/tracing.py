"""Spans of requests by OpenTelemetry, with RETAIL_FORECAST_TRACES=otlp: one per request, children for the model.

Names of attributes are those of OpenTelemetry's semantic conventions for HTTP, and ours below `retail_forecast.`.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from retail_forecast.errors import ConfigurationError
from retail_forecast.serving.answering import answered_from
from retail_forecast.serving.security.guard import CALLER
from retail_forecast.serving.state import ServingState
from retail_forecast.settings import ENVIRONMENT_PREFIX, Settings

_QUIET = ("/livez", "/readyz", "/metrics")
_tracer: Any = None  # of this process; None where nothing is traced


def start_tracing(settings: Settings) -> None:
    """Sends spans to the collector that the OTEL_* variables name, if the settings say so.

    Raises ConfigurationError if the extra `tracing` is not installed.
    """
    if settings.traces == "off":
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        expected = "off, or the extra installed: pip install 'retail-forecast[tracing]'"
        raise ConfigurationError(key=f"{ENVIRONMENT_PREFIX}TRACES", found=settings.traces, expected=expected) from error
    trace_to(BatchSpanProcessor(OTLPSpanExporter()))


def trace_to(processor: Any) -> None:
    """Traces this process from now on; `processor` is a SpanProcessor. None ends it."""
    global _tracer
    if processor is None:
        _tracer = None
        return
    from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider

    named = Resource({SERVICE_NAME: "retail-forecast"}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=named)
    provider.add_span_processor(processor)
    _tracer = provider.get_tracer("retail_forecast")


def model_run(name: str, **attributes: int) -> AbstractContextManager[Any]:
    """A child of the request's span while the model works for it, waiting for its turn included."""
    if _tracer is None:
        return nullcontext()
    named = {f"retail_forecast.{key}": value for key, value in attributes.items()}
    return _tracer.start_as_current_span(name, attributes=named)  # type: ignore[no-any-return]


def add_tracing(app: FastAPI, serving: ServingState) -> None:
    """Puts the spans around everything but Boundary, if this process is traced."""
    if _tracer is not None:
        app.add_middleware(Traced, serving=serving)


class Traced:
    """ASGI middleware: a span per request, which goes on with the trace of a W3C `traceparent`."""

    def __init__(self, app: ASGIApp, serving: ServingState) -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self.app, self.serving, self._propagator = app, serving, TraceContextTextMapPropagator()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _QUIET:
            await self.app(scope, receive, send)
            return
        from opentelemetry.trace import SpanKind

        carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        context, status = self._propagator.extract(carrier), 500

        async def send_noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with _tracer.start_as_current_span(scope["method"], context=context, kind=SpanKind.SERVER) as span:
            try:
                await self.app(scope, receive, send_noted)
            finally:
                self._describe(span, scope, status)

    def _describe(self, span: Any, scope: Scope, status: int) -> None:
        from opentelemetry.trace import StatusCode

        origin, route = answered_from() or self.serving.provenance(), getattr(scope.get("route"), "path", None)
        caller = scope.get(CALLER)
        span.set_attribute("http.request.method", scope["method"])
        span.set_attribute("http.response.status_code", status)
        for name in ("vintage", "model_version"):
            if name in origin:
                span.set_attribute(f"retail_forecast.{name}", origin[name])
        if caller is not None:
            span.set_attribute("retail_forecast.caller_kind", caller.name.partition(":")[0])
        if route is not None:
            span.set_attribute("http.route", route)
            span.update_name(f"{scope['method']} {route}")
        if status >= 500:
            span.set_status(StatusCode.ERROR)
