"""The endpoint's counters as an observer reads them."""

from __future__ import annotations

import pytest

from retail_forecast.serving.load import Load, parse_load
from retail_forecast.serving.metrics import Metrics


def _asked(
    metrics: Metrics, seconds: float, *, times: int = 1, status: int = 200, route: str = "/v1/forecasts"
) -> Load:
    for _ in range(times):
        metrics.observe(method="GET", route=route, status=status, vintage="v", model_version="1", seconds=seconds)
    return parse_load(metrics.render().decode())


def test_answers_and_errors_of_the_forecasts_are_counted_and_probes_are_not() -> None:
    metrics = Metrics()
    _asked(metrics, 0.002, times=3)
    _asked(metrics, 0.002, times=5, route="/readyz")
    _asked(metrics, 0.002, status=404)
    load = _asked(metrics, 0.002, status=503)
    assert (load.total, load.errors) == (5, 1)


def test_percentiles_lie_within_their_buckets() -> None:
    metrics = Metrics()
    _asked(metrics, 0.002, times=90)
    load = _asked(metrics, 0.07, times=10)
    # 90 of 100 in (1 ms, 2.5 ms]: the half is 50/90 of the way; the 95th is 5/10 of the way through (50 ms, 100 ms]
    assert load.latency_ms(0.5) == pytest.approx(1 + 1.5 * 50 / 90)
    assert load.latency_ms(0.95) == pytest.approx(75)


def test_only_what_came_since_the_last_look_counts() -> None:
    metrics = Metrics()
    before = _asked(metrics, 2.0, times=10, status=500)
    fresh = _asked(metrics, 0.002, times=4).since(before)
    assert (fresh.total, fresh.errors) == (4, 0)
    latency = fresh.latency_ms(0.99)
    assert latency is not None
    assert latency < 2.5


def test_counters_that_fell_are_those_of_new_replicas() -> None:
    before = _asked(Metrics(), 0.002, times=10)
    now = _asked(Metrics(), 0.002, times=3)
    assert now.since(before) == now


def test_without_an_answer_there_is_no_latency() -> None:
    assert Load().latency_ms(0.5) is None
    load = _asked(Metrics(), 0.002)
    assert load.since(load).latency_ms(0.5) is None


def test_an_answer_beyond_the_last_bound_counts_as_the_last_bound() -> None:
    assert _asked(Metrics(), 60.0).latency_ms(0.5) == 5000


def test_a_load_survives_the_cursor() -> None:
    load = _asked(Metrics(), 0.002)
    assert Load.from_json(load.to_json()) == load
