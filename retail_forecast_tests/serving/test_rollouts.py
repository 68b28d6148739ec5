"""Rollouts from the first step to the last, on real replicas behind a real URL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from retail_forecast.errors import ConfigurationError, DeploymentError
from retail_forecast.serving.answers import PublishedAnswers
from retail_forecast.serving.config import Challenger
from retail_forecast.serving.loading import load_predictor
from retail_forecast.serving.rollouts import Limits, Plan, RolledBackError, plan_of, roll_out
from retail_forecast.serving.rollouts.observed import Observed, merge_reports
from retail_forecast.serving.rollouts.plan import parse_steps
from retail_forecast.settings import Settings
from retail_forecast_tests.serving.asker import Asker
from retail_forecast_tests.serving.conftest import World
from retail_forecast_tests.serving.replicas import Replicas, run_replicas

PLAN = Plan(parse_steps("shadow,0.5,1"), soak_seconds=0, limits=Limits(observations=40, latency_ratio=100))


@pytest.fixture(scope="module")
def running(world: World) -> Iterator[Replicas]:
    with run_replicas(world.lake_url) as replicas:
        yield replicas


@pytest.fixture
def replicas(running: Replicas, world: World) -> Replicas:
    """They serve the first vintage."""
    running.deploy(world.first.id)
    running.told.clear()
    return running


def served(replicas: Replicas) -> set[tuple[str | None, str | None]]:
    """(active, challenger) of the replicas."""
    found = set()
    for state in replicas.states:
        trial = state.trial
        found.add((state.provenance().get("vintage"), trial.config.vintage if trial is not None else None))
    return found


def test_a_good_vintage_goes_through_every_step_and_is_promoted(replicas: Replicas, world: World) -> None:
    with Asker(replicas.url) as asker:
        done = roll_out(replicas, world.second.id, PLAN, lake_url=world.lake_url)
    assert [(step.step.mode, step.step.share, step.problem) for step in done.steps] == [
        ("shadow", 1.0, None),
        ("canary", 0.5, None),
        ("canary", 1.0, None),
    ]
    assert served(replicas) == {(world.second.id, None)}
    assert (asker.failures, set(asker.vintages)) == ([], {world.first.id, world.second.id})
    assert all(step.observed.replicas == 2 for step in done.steps)
    assert done.steps[1].observed.requests.challenger.total >= 40


def test_a_vintage_that_disagrees_is_taken_back_from_every_replica(replicas: Replicas, world: World) -> None:
    plan = replace(PLAN, limits=replace(PLAN.limits, disagreement=0.5))
    with Asker(replicas.url) as asker, pytest.raises(RolledBackError, match=r"differ .* by more than 0\.\d+") as caught:
        roll_out(replicas, world.doubled.id, plan, lake_url=world.lake_url)
    assert "limit 0.5" in str(caught.value)
    assert caught.value.steps[0].problem is not None
    assert served(replicas) == {(world.first.id, None)}
    assert (asker.failures, set(asker.vintages)) == ([], {world.first.id})  # it never came beyond the shadow


def test_a_canary_whose_answers_are_not_what_it_published_is_taken_back(
    replicas: Replicas, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, other = replicas.challenge, load_predictor(world.lake_url, world.doubled.id)

    def spoiling(challenger: Challenger) -> Any:
        deployed = real(challenger)
        for state in replicas.states:
            assert state.trial is not None
            predictor = state.trial.predictor
            vars(predictor)["answers"] = PublishedAnswers(predictor.provenance, other.table)
        return deployed

    monkeypatch.setattr(replicas, "challenge", spoiling)
    with pytest.raises(RolledBackError, match=r"is not what vintage .* published: mean on 2024-10-01"):
        roll_out(replicas, world.second.id, replace(PLAN, steps=parse_steps("1")), lake_url=world.lake_url)
    assert served(replicas) == {(world.first.id, None)}


def test_a_challenger_that_no_replica_can_load_never_answers(replicas: Replicas, world: World) -> None:
    with Asker(replicas.url) as asker, pytest.raises(DeploymentError, match="2 of 2 replicas cannot hold it beside"):
        roll_out(replicas, world.broken.id, PLAN, lake_url=world.lake_url)
    assert served(replicas) == {(world.first.id, None)}
    assert (asker.failures, set(asker.vintages)) == ([], {world.first.id})


def test_who_interrupts_a_rollout_takes_it_back(replicas: Replicas, world: World) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        roll_out(replicas, world.second.id, PLAN, lake_url=world.lake_url, on_step=interrupt)
    assert served(replicas) == {(world.first.id, None)}


def test_a_rollout_that_somebody_overrides_ends(
    replicas: Replicas, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def override(_: object) -> None:
        for state in replicas.states:
            state.switch({"vintage": world.first.id, "lake_url": world.lake_url})

    plan = replace(PLAN, steps=parse_steps("0.5"), soak_seconds=1)
    real = replicas.challenge
    monkeypatch.setattr(replicas, "challenge", lambda challenger: override(real(challenger)))
    with pytest.raises(RolledBackError, match="it holds no challenger"):
        roll_out(replicas, world.second.id, plan, lake_url=world.lake_url)


def test_without_steps_or_with_nothing_served_a_vintage_is_deployed_at_once(replicas: Replicas, world: World) -> None:
    assert roll_out(replicas, world.second.id, plan_of(Settings()), lake_url=world.lake_url).steps == ()
    assert roll_out(replicas, world.second.id, PLAN, lake_url=world.lake_url).steps == ()
    assert {told.challenger for told in replicas.told} == {None}


@pytest.mark.parametrize("text", ["", "0", "2", "0.5,0.1", "half", "0.1,0.1", "shadow;1"])
def test_steps_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="RETAIL_FORECAST_ROLLOUT_STEPS"):
        parse_steps(text)


def report(**more: Any) -> dict[str, Any]:
    """A replica's report of 100 quick answers each, of which 90 differ by up to 0.1 and 10 by up to 0.2."""
    answers = {"seconds": {"0.01": 100, "0.1": 100, "+Inf": 100}, "requests": {"200": 100}}
    shadow = {"active": answers, "challenger": answers, "dropped": 1, "missing": 0, "incomparable": 0}
    disagreement = {"0.1": 90, "0.2": 100, "+Inf": 100}
    told = {"vintage": "v", "error": None, "halted": None, "active": answers, "challenger": answers}
    return {"rollout": {**told, "shadow": {**shadow, "disagreement": disagreement}, **more}}


def observed(**more: Any) -> Observed:
    return merge_reports("v", {"r1": report(), "r2": report(**more)})


def test_the_replicas_are_added_up() -> None:
    both = observed()
    assert (both.requests.challenger.total, both.compared, both.dropped) == (200, 200, 2)
    assert both.differs_by(0.9) == pytest.approx(0.1)  # 180 of 200 within the first bound
    assert both.problem(Limits()) is None


def test_errors_beyond_the_limit_are_named_with_it() -> None:
    failing = {"seconds": {"0.01": 100, "+Inf": 100}, "requests": {"200": 97, "500": 3}}
    problem = observed(challenger=failing).problem(Limits(errors=0.01))
    assert problem == "3 of its 200 answers were errors (limit 1.0%)"
    assert observed(challenger=failing).problem(Limits(errors=0.02)) is None
    assert observed(challenger=failing).problem(Limits(observations=201)) is None


def test_a_challenger_that_is_slow_is_named_with_both_times() -> None:
    # of 200 answers 100 within 10 ms, all within 100 ms: the 198th lies at 10 + 90 * 98 / 100 = 98 ms; the active at 10
    slow = {"seconds": {"0.01": 0, "0.1": 100, "+Inf": 100}, "requests": {"200": 100}}
    problem = observed(challenger=slow).problem(Limits(latency_ratio=3))
    assert problem is not None
    assert "98 ms" in problem
    assert "10 ms (9.9 times; limit 3)" in problem
    assert observed(challenger=slow).problem(Limits(latency_ratio=10)) is None


def test_a_replica_that_stopped_asking_it_is_named() -> None:
    problem = observed(halted="5 of its 5 answers were errors").problem(Limits())
    assert problem == "replica r2 stopped asking it: 5 of its 5 answers were errors"


def test_series_that_it_lacks_are_counted_against_it() -> None:
    lacking = report()["rollout"]["shadow"] | {"missing": 50}
    problem = observed(shadow=lacking).problem(Limits())
    assert problem == "it lacks the series of 50 of 250 questions (limit 1.0%)"


def test_nothing_is_judged_on_a_handful_of_answers(replicas: Replicas, world: World) -> None:
    done = roll_out(replicas, world.second.id, replace(PLAN, steps=parse_steps("0.5")), lake_url=world.lake_url)
    assert done.steps[0].observed.requests.challenger.total >= PLAN.limits.observations
    assert done.steps[0].probes >= 2 * PLAN.limits.observations  # nobody else asked
