"""What the endpoint was asked since the last look, from the counters of its /metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import httpx

from retail_forecast.errors import DeploymentError

_ANSWERS = "/v1/"
_BUCKET, _REQUESTS = "retail_forecast_request_seconds_bucket", "retail_forecast_requests_total"


@dataclass(frozen=True)
class Load:
    """Counts since the replicas started, of /v1 alone. seconds: upper bound (a text, as it was read) to the answers
    that took no longer; requests: status to answers."""

    seconds: Mapping[str, float] = field(default_factory=dict)
    requests: Mapping[str, float] = field(default_factory=dict)

    def since(self, before: Load) -> Load:
        """What came after `before`; all of it if the replicas started anew meanwhile."""
        if any(self.requests.get(status, 0) < count for status, count in before.requests.items()):
            return self
        return Load(_less(self.seconds, before.seconds), _less(self.requests, before.requests))

    def __add__(self, other: Load) -> Load:
        return Load(_more(self.seconds, other.seconds), _more(self.requests, other.requests))

    @property
    def total(self) -> float:
        """All answers."""
        return sum(self.requests.values())

    @property
    def errors(self) -> float:
        """Answers with a status of 500 or above."""
        return sum(count for status, count in self.requests.items() if status.startswith("5"))

    def latency_ms(self, share: float) -> float | None:
        """The time within which that share was answered, between the bounds by interpolation; None without answers.

        >>> round(Load(seconds={"0.01": 90, "0.1": 100, "+Inf": 100}).latency_ms(0.95), 3)
        55.0
        """
        seconds = quantile_of(self.seconds, share)
        return None if seconds is None else 1000 * seconds

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """From what `to_json` made."""
        return cls(**raw)


def quantile_of(counts: Mapping[str, float], share: float) -> float | None:
    """The value that so large a share does not exceed, of a histogram as Load.seconds is one; None if it is empty."""
    bounds = sorted((float(bound), count) for bound, count in counts.items())
    wanted = share * bounds[-1][1] if bounds else 0.0
    if wanted == 0:
        return None
    low, below = 0.0, 0.0
    for bound, count in bounds:
        if count >= wanted and bound != float("inf"):
            return low + (bound - low) * (wanted - below) / (count - below)
        low, below = (bound, count) if bound != float("inf") else (low, below)
    return low  # beyond the last bound no more is known


def read_load(api_url: str, headers: Mapping[str, str] | None = None) -> Load:
    """The counters now. headers: with our key. Raises DeploymentError when the endpoint does not tell them."""
    url = f"{api_url}/metrics"
    try:
        answer = httpx.get(url, headers=headers, trust_env=False, timeout=10)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise DeploymentError(f"{url} gives no answer: {error}.", wanted="metrics", active=None) from error
    return parse_load(answer.text)


def parse_load(text: str) -> Load:
    """The counters in Prometheus' text format, summed over vintages and replicas."""
    from prometheus_client.parser import text_string_to_metric_families

    samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
    answers = [one for one in samples if one.labels.get("route", "").startswith(_ANSWERS)]
    return Load(_summed(answers, _BUCKET, "le"), _summed(answers, _REQUESTS, "status"))


def _summed(samples: Iterable[Any], name: str, label: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for one in samples:
        if one.name == name:
            found[one.labels[label]] = found.get(one.labels[label], 0.0) + one.value
    return found


def _more(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    return {name: one.get(name, 0.0) + other.get(name, 0.0) for name in {**one, **other}}


def _less(now: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float]:
    return {name: count - before.get(name, 0.0) for name, count in now.items()}
