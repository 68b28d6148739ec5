"""A rollout from the first step to the last: tried, watched, promoted; or taken back from every replica."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from retail_forecast.errors import DeploymentError, RetailForecastError
from retail_forecast.serving.port import Deployment, Endpoint
from retail_forecast.serving.rollouts.observed import Observed, merge_reports
from retail_forecast.serving.rollouts.plan import Limits, Plan, Step
from retail_forecast.serving.rollouts.probe import Probe

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
PROBES_PER_POLL = 20
_PATIENCE, _LEAST_PATIENCE_SECONDS = 10, 300.0
"""A step with too few observations to judge it by is given up after so many soak times, and at least so long."""


@dataclass(frozen=True)
class StepReport:
    """What came of one step. problem: why it was the last; None if it went well."""

    step: Step
    seconds: float
    probes: int
    observed: Observed
    problem: str | None = None

    def row(self) -> dict[str, Any]:
        """The figures that a person looks at."""
        requests, shadow = self.observed.requests, self.observed.shadow
        timed = requests if requests.active.total and requests.challenger.total else shadow
        return {
            "step": self.step.mode if self.step.mode == "shadow" else f"canary {self.step.share:.0%}",
            "seconds": round(self.seconds, 1),
            "answers": int(requests.challenger.total),
            "beside": int(shadow.challenger.total),
            "errors": int(requests.challenger.errors + shadow.challenger.errors),
            "p99_ms": _rounded(timed.challenger.latency_ms(0.99)),
            "active_p99_ms": _rounded(timed.active.latency_ms(0.99)),
            "difference_median": _rounded(self.observed.differs_by(0.5), 3),
            "difference_p90": _rounded(self.observed.differs_by(0.9), 3),
            "problem": self.problem or "none",
        }


@dataclass(frozen=True)
class RolledOut:
    """A vintage that every replica serves now, and the steps that led there."""

    deployment: Deployment
    steps: tuple[StepReport, ...] = ()


class RolledBackError(DeploymentError):
    """A rollout that was taken back. `steps` say what was seen; the last one has the problem."""

    def __init__(self, message: str, *, wanted: str, active: str | None, steps: tuple[StepReport, ...]) -> None:
        self.steps = steps
        super().__init__(message, wanted=wanted, active=active)


@dataclass
class _Staged:
    endpoint: Endpoint
    vintage: str
    active: str
    api_url: str
    lake_url: str
    plan: Plan
    steps: list[StepReport] = field(default_factory=list)

    def walk(self, on_step: Callable[[StepReport], None]) -> None:
        """Step by step; raises RolledBackError at the first that goes wrong."""
        for step in self.plan.steps:
            self.endpoint.challenge(step.challenger(self.vintage, self.plan.limits))
            report = self._watch(step)
            self.steps.append(report)
            on_step(report)
            if report.problem is not None:
                name = report.row()["step"]
                text = f"Vintage {self.vintage!r} was taken back at the step {name}: {report.problem}."
                raise RolledBackError(text, wanted=self.vintage, active=self.active, steps=tuple(self.steps))

    def _watch(self, step: Step) -> StepReport:
        """Soaks; ends early when a limit is passed, late while there is too little to judge."""
        started, soak = time.monotonic(), self.plan.soak_seconds
        probe = Probe(self.api_url, self.lake_url, self.active, self.vintage, step, self.plan.headers)
        while True:
            probe.ask(PROBES_PER_POLL)
            observed = merge_reports(self.vintage, self.endpoint.observe())
            problem = observed.problem(self.plan.limits) or probe.problem
            seconds = time.monotonic() - started
            enough = _is_enough(observed, step, self.plan.limits)
            if problem is None and seconds > max(_LEAST_PATIENCE_SECONDS, _PATIENCE * soak) and not enough:
                problem = f"after {seconds:.0f} s there were too few observations to judge it by"
            if problem is not None or (seconds >= soak and enough):
                return StepReport(step, seconds, probe.asked, observed, problem)
            time.sleep(min(POLL_SECONDS, max(0.0, soak - seconds)))


def roll_out(
    endpoint: Endpoint,
    vintage: str,
    plan: Plan,
    *,
    lake_url: str,
    on_step: Callable[[StepReport], None] = lambda _: None,
) -> RolledOut:
    """Serves the vintage by the plan; at once where there are no steps or nothing is served to compare it with.

    Raises RolledBackError, or DeploymentError where it did not come to be watched: the vintage before is served by
    every replica then. Whoever is interrupted takes back what was begun, too.
    """
    status = endpoint.status()
    if not plan.steps or status.active is None or status.active == vintage:
        return RolledOut(endpoint.deploy(vintage))
    staged = _Staged(endpoint, vintage, status.active, status.url, lake_url, plan)
    try:
        staged.walk(on_step)
        return RolledOut(endpoint.deploy(vintage), tuple(staged.steps))
    except BaseException as error:
        _withdraw(endpoint, error)
        raise


def _withdraw(endpoint: Endpoint, error: BaseException) -> None:
    """Takes back what was begun; if that fails, too, `error` is still the one to tell."""
    try:
        endpoint.withdraw()
    except RetailForecastError as second:
        logger.exception("The challenger could not be withdrawn")
        error.add_note(f"The challenger could not be withdrawn: {second}")


def _is_enough(observed: Observed, step: Step, limits: Limits) -> bool:
    mine = observed.shadow.challenger.total if step.mode == "shadow" else observed.requests.challenger.total
    return mine >= limits.observations


def _rounded(value: float | None, digits: int = 1) -> float | None:
    return None if value is None else round(value, digits)
