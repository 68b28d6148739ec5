"""What all replicas together saw of a challenger, and whether that is beyond a limit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from retail_forecast.serving.load import Load, quantile_of
from retail_forecast.serving.rollouts.plan import Limits

NOISE_MS = 10.0
"""Of two 99th percentiles that are no further apart than this none is the slower."""


@dataclass(frozen=True)
class Pair:
    """Answers of the active vintage and of the challenger."""

    active: Load = field(default_factory=Load)
    challenger: Load = field(default_factory=Load)

    def __add__(self, other: Pair) -> Pair:
        return Pair(self.active + other.active, self.challenger + other.challenger)


@dataclass(frozen=True)
class Observed:
    """Sums over the replicas that told. requests: answers to callers. shadow: the same questions put to both.

    troubles: what single replicas say is wrong. disagreement: relative difference, as Load.seconds is of times.
    """

    replicas: int
    requests: Pair = field(default_factory=Pair)
    shadow: Pair = field(default_factory=Pair)
    dropped: float = 0
    missing: float = 0
    disagreement: Mapping[str, float] = field(default_factory=dict)
    troubles: tuple[str, ...] = ()

    def differs_by(self, share: float) -> float | None:
        """The relative difference within which that share of the answers was; None without answers."""
        return quantile_of(self.disagreement, share)

    @property
    def compared(self) -> float:
        """How many answers were compared."""
        return max(self.disagreement.values(), default=0)

    def problem(self, limits: Limits) -> str | None:
        """The first figure beyond its limit, with both; None if there is none."""
        return next(self._problems(limits), None)

    def _problems(self, limits: Limits) -> Iterator[str]:
        yield from self.troubles
        for what, pair in (("answers", self.requests), ("answers beside the requests", self.shadow)):
            mine, total = pair.challenger, pair.challenger.total
            if total >= limits.observations and mine.errors > limits.errors * total:
                yield f"{mine.errors:.0f} of its {total:.0f} {what} were errors (limit {limits.errors:.1%})"
            yield from _slower(what, pair, limits)
        asked = self.missing + self.compared
        if asked >= limits.observations and self.missing > limits.errors * asked:
            yield f"it lacks the series of {self.missing:.0f} of {asked:.0f} questions (limit {limits.errors:.1%})"
        apart = self.differs_by(0.9)
        if apart is not None and self.compared >= limits.observations and apart > limits.disagreement:
            yield (
                f"a tenth of its answers differ from the active vintage's by more than {apart:.2f} of their size "
                f"(limit {limits.disagreement:g})"
            )


def merge_reports(vintage: str, reports: Mapping[str, Mapping[str, Any]]) -> Observed:
    """The sum over the replicas' reports, as `Endpoint.observe` gives them."""
    told = {name: report.get("rollout") or {"error": "it holds no challenger"} for name, report in reports.items()}
    held = [one for one in told.values() if one.get("vintage") == vintage and not one.get("error")]
    shadows = [one["shadow"] for one in held]
    return Observed(
        replicas=len(reports),
        requests=sum((_pair(one) for one in held), Pair()),
        shadow=sum((_pair(one) for one in shadows), Pair()),
        dropped=sum(one["dropped"] for one in shadows),
        missing=sum(one["missing"] for one in shadows),
        disagreement=sum((Load(one["disagreement"]) for one in shadows), Load()).seconds,
        troubles=tuple(_troubles(vintage, told.items())),
    )


def _pair(raw: Mapping[str, Any]) -> Pair:
    return Pair(Load.from_json(raw["active"]), Load.from_json(raw["challenger"]))


def _troubles(vintage: str, told: Iterable[tuple[str, Mapping[str, Any]]]) -> Iterator[str]:
    for name, one in told:
        if one.get("error"):
            yield f"replica {name} says: {one['error']}"
        elif one.get("vintage") != vintage:
            yield f"replica {name} tries {one.get('vintage')!r} instead"
        elif one.get("halted"):
            yield f"replica {name} stopped asking it: {one['halted']}"


def _slower(what: str, pair: Pair, limits: Limits) -> Iterator[str]:
    mine, theirs = pair.challenger.latency_ms(0.99), pair.active.latency_ms(0.99)
    if mine is None or theirs is None or min(pair.challenger.total, pair.active.total) < limits.observations:
        return
    if mine > limits.latency_ratio * theirs and mine > theirs + NOISE_MS:
        yield (
            f"99 of 100 of its {what} took up to {mine:.0f} ms, of the active vintage's {theirs:.0f} ms "
            f"({mine / theirs:.1f} times; limit {limits.latency_ratio:g})"
        )
