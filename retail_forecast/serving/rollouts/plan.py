"""How a vintage is rolled out: through which steps, for how long each, and what ends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from retail_forecast.errors import ConfigurationError
from retail_forecast.serving.config import Challenger
from retail_forecast.serving.security.own_key import own_headers
from retail_forecast.settings import Settings

SHADOW = "shadow"


@dataclass(frozen=True)
class Limits:
    """What a challenger may show without being taken back.

    errors: share of its answers, and of the series asked for that it lacks. latency_ratio: its 99th percentile over the
    active vintage's. disagreement: relative difference (0 to 2) to the active vintage that nine of ten answers stay
    within. observations: with fewer nothing is judged.
    """

    errors: float = 0.01
    latency_ratio: float = 3.0
    disagreement: float = 1.0
    observations: int = 200


@dataclass(frozen=True)
class Step:
    """One stage: the challenger beside a share of the series, or answering for it."""

    mode: Literal["shadow", "canary"]
    share: float

    def challenger(self, vintage: str, limits: Limits) -> Challenger:
        """What replicas are told in this step."""
        return Challenger(vintage=vintage, mode=self.mode, share=self.share, error_limit=limits.errors)


@dataclass(frozen=True)
class Plan:
    """The steps of a rollout. Without any, a vintage is deployed at once.

    headers: what our questions to the live URL carry, if the API asks who we are.
    """

    steps: tuple[Step, ...]
    soak_seconds: float
    limits: Limits
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def plan_of(settings: Settings, *, strategy: Literal["direct", "canary"] | None = None) -> Plan:
    """The plan of the settings. Raises ConfigurationError for steps that are none."""
    limits = Limits(
        errors=settings.rollout_errors,
        latency_ratio=settings.rollout_latency_ratio,
        disagreement=settings.rollout_disagreement,
        observations=settings.rollout_observations,
    )
    steps = parse_steps(settings.rollout_steps) if (strategy or settings.rollout) == "canary" else ()
    return Plan(steps, settings.rollout_soak_seconds, limits, own_headers(settings))


def parse_steps(text: str) -> tuple[Step, ...]:
    """Steps such as `shadow,0.1,0.5,1`: shadow looks at all series, a number is the share that a canary answers for.

    >>> [step.share for step in parse_steps("shadow, 0.1, 1")]
    [1.0, 0.1, 1.0]
    """
    steps = tuple(_step(one.strip(), text) for one in text.split(","))
    shares = [step.share for step in steps if step.mode == "canary"]
    if shares != sorted(set(shares)):
        raise _refused(text)
    return steps


def _step(one: str, text: str) -> Step:
    if one == SHADOW:
        return Step("shadow", 1.0)
    try:
        share = float(one)
    except ValueError:
        raise _refused(text) from None
    if not 0 < share <= 1:
        raise _refused(text)
    return Step("canary", share)


def _refused(text: str) -> ConfigurationError:
    expected = "shadow and shares above 0, up to 1, that grow, with commas between: shadow,0.1,0.5,1"
    return ConfigurationError(key="RETAIL_FORECAST_ROLLOUT_STEPS", found=text, expected=expected)
