"""The sensor that measures: what the lake and the endpoint say now goes to the metrics port.

Ages grow while nothing happens, so they are measured by the clock. What ends once, a training job, is measured once:
the cursor holds which jobs were told, and the endpoint's counters at the last look.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg

from retail_forecast.errors import DeploymentError
from retail_forecast.lake.artifacts import Artifact
from retail_forecast.orchestration.resources import Platform
from retail_forecast.orchestration.training_run import BACKTESTS, MODELS, find_progress
from retail_forecast.pipeline.measurements import measure_lake
from retail_forecast.serving import Endpoint, EndpointStatus
from retail_forecast.serving.load import Load, read_load
from retail_forecast.serving.security.own_key import own_headers
from retail_forecast.settings import Settings
from retail_forecast.telemetry import catalogue
from retail_forecast.telemetry.metrics import Measurement, MetricsSink

_SHARES = {catalogue.LATENCY_P50: 0.5, catalogue.LATENCY_P95: 0.95, catalogue.LATENCY_P99: 0.99}


@dataclass(frozen=True)
class Told:
    """What the last look told. jobs: asset to the fingerprint of its job; load: counters, None of an endpoint down."""

    jobs: Mapping[str, str]
    load: Load | None

    def to_cursor(self) -> str:
        """As the sensor's cursor."""
        return json.dumps({"jobs": dict(self.jobs), "load": self.load.to_json() if self.load else None})


def build_measurements_sensor(platform: Platform) -> dg.SensorDefinition:
    """The sensor over one home."""

    @dg.sensor(
        name="measurements",
        minimum_interval_seconds=platform.settings.metrics_interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Publishes freshness, errors, ages, costs and the endpoint's load to the metrics port.",
    )
    def measurements(
        context: dg.SensorEvaluationContext,
        metrics: dg.ResourceParam[MetricsSink],
        endpoint_port: dg.ResourceParam[Endpoint],
    ) -> dg.SensorResult:
        before, at, name = _from_cursor(context.cursor), datetime.now(UTC), platform.dataset.name
        status = endpoint_port.status()
        told = Told(_jobs(platform), _load_of(platform.settings, status))
        found = [
            *measure_lake(platform.lake, platform.dataset, at),
            *_job_measurements(platform, told.jobs, before.jobs, at),
            *_endpoint_measurements(status, told.load, before.load, name, at),
        ]
        metrics.publish(found)
        return dg.SensorResult(skip_reason=f"Published {len(found)} measurements.", cursor=told.to_cursor())

    return measurements


def _from_cursor(cursor: str | None) -> Told:
    raw = json.loads(cursor) if cursor else {"jobs": {}, "load": None}
    return Told(raw["jobs"], Load.from_json(raw["load"]) if raw["load"] else None)


def _jobs(platform: Platform) -> dict[str, str]:
    """Asset to the fingerprint of the job that made it last."""
    progress = find_progress(platform.lake)
    made = {"model": progress.model, "backtest": progress.backtest} if progress is not None else {}
    return {asset: fingerprint for asset, fingerprint in made.items() if fingerprint is not None}


def _job_measurements(
    platform: Platform, jobs: Mapping[str, str], told: Mapping[str, str], at: datetime
) -> Iterator[Measurement]:
    kinds, name = {"model": MODELS, "backtest": BACKTESTS}, platform.dataset.name
    for asset, fingerprint in jobs.items():
        artifact = Artifact(platform.lake, kinds[asset], fingerprint)
        if told.get(asset) == fingerprint or not artifact.is_published():
            continue
        info = artifact.info()
        for metric, key in ((catalogue.TRAINING_SECONDS, "seconds"), (catalogue.TRAINING_COST, "cost USD")):
            if info.get(key) is not None:
                yield Measurement(metric, info[key], name, at, asset=asset)


def _load_of(settings: Settings, status: EndpointStatus) -> Load | None:
    if status.state in ("down", "starting"):
        return None
    try:
        return read_load(status.url, own_headers(settings))
    except DeploymentError:  # it ended meanwhile: the measurement of readiness will tell
        return None


def _endpoint_measurements(
    status: EndpointStatus, load: Load | None, before: Load | None, dataset: str, at: datetime
) -> Iterator[Measurement]:
    """Readiness always; the load once there are two looks to compare, and latencies where something was asked."""
    yield Measurement(catalogue.READY, float(status.state == "ready"), dataset, at)
    if load is None or before is None:
        return
    fresh = load.since(before)
    yield Measurement(catalogue.REQUESTS, fresh.total, dataset, at)
    yield Measurement(catalogue.ERRORS, fresh.errors, dataset, at)
    for metric, share in _SHARES.items():
        if (latency := fresh.latency_ms(share)) is not None:
            yield Measurement(metric, latency, dataset, at)
