"""Prometheus metrics of what a challenger says beside the requests. Its answers to callers are in `metrics.Metrics`."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

DIFFERENCES = (0.001, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
"""Upper bounds of relative differences."""


class TrialMetrics:
    """Counts by the challenger's vintage."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._questions = Counter(
            "retail_forecast_shadow_questions",
            "Questions put to a challenger beside the requests, by what came of them.",
            ["vintage", "outcome"],
            registry=registry,
        )
        self._differences = Histogram(
            "retail_forecast_shadow_difference",
            "Relative difference (0 to 2) of a challenger's expected units to the active vintage's.",
            ["vintage"],
            buckets=DIFFERENCES,
            registry=registry,
        )

    def count(self, vintage: str, outcome: str) -> None:
        """Notes one question: compared, error, dropped, missing or incomparable."""
        self._questions.labels(vintage, outcome).inc()

    def compare(self, vintage: str, difference: float) -> None:
        """Notes how far one answer was from the active vintage's."""
        self._differences.labels(vintage).observe(difference)
