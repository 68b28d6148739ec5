"""What the gate does with a challenger, over a real lake and a real registry; training and backtest are made up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from retail_forecast.emulator import Cloud
from retail_forecast.errors import NotFoundError
from retail_forecast.lake.artifacts import Artifact
from retail_forecast.models import BASELINES, Recipe
from retail_forecast.orchestration.forecast_run import publish
from retail_forecast.orchestration.gate import judge
from retail_forecast.orchestration.outcome import Outcome, noted_champion
from retail_forecast.orchestration.resources import Platform
from retail_forecast.orchestration.training_run import BACKTESTS, MODELS, Progress, decide, write_progress
from retail_forecast.pipeline.backtest_shards import CHALLENGER
from retail_forecast.pipeline.trainings import start_training
from retail_forecast.registry import ModelRegistry
from retail_forecast.training.recipes import write_recipe
from retail_forecast_tests.orchestration.world import START, World, audited
from retail_forecast_tests.pipeline.small_lake import publish_days
from retail_forecast_tests.registry.test_contract import fresh_sagemaker_registry, make_bundle

CUTOFF = date(2024, 5, 1)
GOOD, BAD = 0.5, 0.9  # the baselines have 0.8


@dataclass(frozen=True)
class Court:
    """A gate, and challengers whose error is chosen."""

    world: World
    registry: ModelRegistry
    scratch: Path

    def judge(self, text: str, error: float, promotion: str = "gate") -> Outcome:
        """The gate's judgement of a model that is just a text, with that WRMSSE."""
        self._train(text, error)
        return judge(self.platform(promotion=promotion), self.registry)

    def platform(self, **settings: object) -> Platform:
        return Platform(self.world.settings.model_copy(update=settings), self.world.dataset)

    def stages(self) -> dict[str, str]:
        return {one.version: one.stage for one in self.registry.versions()}

    def _train(self, text: str, error: float) -> None:
        lake = self.world.lake
        bundle = make_bundle(self.scratch / f"model-{text}", text, cutoff=CUTOFF)
        Artifact(lake, MODELS, text).publish(bundle, {})
        folder = self.scratch / f"backtest-{text}-{error}"
        folder.mkdir(exist_ok=True)
        errors = {CHALLENGER: error, **dict.fromkeys(BASELINES, 0.8)}
        rows = [(name, CUTOFF, "all", "wrmsse", value) for name, value in errors.items()]
        schema = ["model", "cutoff", "level", "metric", "value"]
        pl.DataFrame(rows, schema=schema, orient="row").write_parquet(folder / "scores.parquet")
        forecasts = pl.DataFrame({"model": [CHALLENGER], "lead": [1], "mean": [1.0], "units_sold": [1.0]})
        forecasts.write_parquet(folder / "predictions.parquet")
        Artifact(lake, BACKTESTS, f"{text}-{error}").publish(folder, {})
        start_training(lake, "request", cutoff=CUTOFF)
        write_progress(lake, Progress("request", CUTOFF.isoformat(), "f", model=text, backtest=f"{text}-{error}"))


@pytest.fixture
def court(world: World, aws_cloud: Cloud, tmp_path: Path) -> Court:
    (tmp_path / "scratch").mkdir()
    return Court(world, fresh_sagemaker_registry(aws_cloud), tmp_path / "scratch")


def test_a_challenger_that_passes_becomes_champion(court: Court) -> None:
    outcome = court.judge("x", GOOD)
    assert (outcome.passed, outcome.promoted, outcome.waiting, outcome.champion) == (True, True, False, "1")
    assert court.stages() == {"1": "champion"}
    assert noted_champion(court.world.lake) == "1"


def test_what_the_gate_did_is_in_the_audit_log_once_with_its_reasons(court: Court) -> None:
    for text, error in (("x", GOOD), ("y", GOOD), ("y", GOOD), ("z", BAD)):
        outcome = court.judge(text, error)
    lines = audited(court.world.home)
    assert [(line["action"], line["model_version"], line.get("replaced")) for line in lines] == [
        ("promote", "1", None),
        ("promote", "2", "1"),
        ("reject", "3", None),
    ]
    assert {line["caller"] for line in lines} == {"gate"}
    assert lines[2]["reason"] == " ".join(outcome.reasons)


def test_a_challenger_that_passes_waits_for_a_person_who_wants_to_decide(court: Court) -> None:
    outcome = court.judge("x", GOOD, promotion="manual")
    assert (outcome.passed, outcome.promoted, outcome.waiting, outcome.champion) == (True, False, True, None)
    assert court.stages() == {"1": "challenger"}
    with pytest.raises(NotFoundError, match=r"Version 1 passed the gate and waits.*retail-forecast promote 1"):
        publish(court.world.platform, court.registry)


@pytest.mark.parametrize("promotion", ["gate", "manual"])
def test_a_challenger_that_fails_is_rejected_whoever_decides(court: Court, promotion: str) -> None:
    outcome = court.judge("x", BAD, promotion)
    assert (outcome.passed, outcome.promoted, outcome.waiting) == (False, False, False)
    assert court.stages() == {"1": "rejected"}


def test_what_a_person_decided_stays_when_the_step_is_repeated(court: Court) -> None:
    court.judge("x", GOOD)
    court.judge("y", GOOD)
    court.registry.promote("1")
    court.registry.reject("2", "It overstates bread.")
    for _ in range(2):
        outcome = court.judge("y", GOOD)
        assert (outcome.passed, outcome.promoted, outcome.champion) == (True, False, "1")
    assert court.stages() == {"2": "rejected", "1": "champion"}


def test_what_a_person_approved_against_the_gate_stays_when_the_step_is_repeated(court: Court) -> None:
    court.judge("x", BAD)
    court.registry.promote("1")
    assert court.judge("x", BAD).champion == "1"
    assert court.stages() == {"1": "champion"}


def test_what_the_gate_rejected_it_may_promote_when_it_is_judged_better(court: Court) -> None:
    court.judge("x", BAD)
    assert court.judge("x", GOOD).promoted


def test_newer_days_ask_for_no_further_training_while_a_model_waits_for_a_person(court: Court) -> None:
    days = (CUTOFF - START).days + 1
    publish_days(court.world.lake, {"ale": [1.0] * days})
    outcome = court.judge("x", GOOD, promotion="manual")
    publish_days(court.world.lake, {"ale": [1.0]}, start=CUTOFF + timedelta(days=1))
    recipe = write_recipe(court.scratch, Recipe(trees=7), {})
    manual = court.platform(promotion="manual", recipe_file=recipe)
    request = decide(manual, court.registry)
    assert (outcome.waiting, request.due) == (True, False)
    assert "waits for a person" in request.reasons[0]
    court.registry.reject(outcome.challenger, "Not this one.")
    assert "There is no champion" in decide(manual, court.registry).reasons[0]
