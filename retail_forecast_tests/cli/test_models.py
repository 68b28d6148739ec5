"""train, register and promote through the real command line, on a home of two stores and three items."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner, Result

from retail_forecast.cli import app
from retail_forecast.errors import NotFoundError, RegistryError
from retail_forecast.orchestration.approvals import reported_champion
from retail_forecast.orchestration.instance import open_instance
from retail_forecast.orchestration.outcome import noted_champion
from retail_forecast.orchestration.training_run import MODELS, read_progress
from retail_forecast.registry import open_registry
from retail_forecast_tests.orchestration.world import World, audited
from retail_forecast_tests.registry.test_contract import make_bundle

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Sixty days of sales that nobody has looked at."""
    world = World(tmp_path_factory.mktemp("models") / "home")
    world.write_dataset()
    world.deliver_all()
    return world


@pytest.fixture(autouse=True)
def environment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"HOME": str(world.home), "SETTLE_SECONDS": "0", "WORKERS": "1", "BACKTEST_CUTOFFS": "1"}
    for name, value in values.items():
        monkeypatch.setenv(f"RETAIL_FORECAST_{name}", value)


def _call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), catch_exceptions=True)


def test_a_model_is_trained_registered_and_promoted_one_command_each(world: World) -> None:
    trained = _call("train", "--preset", "fast")
    assert trained.exit_code == 0, trained.output
    assert "challenger" in trained.output
    assert read_progress(world.lake).model in {one.path.split("/")[1] for one in world.lake.store.list(MODELS)}
    assert open_registry(world.settings).versions() == []

    registered = _call("register", "--require-gate")
    assert "Version 1, challenger: models:/retail-forecast/1" in registered.output
    assert registered.exit_code == (0 if "The gate would promote it" in registered.output else 1)
    assert open_registry(world.settings).champion() is None

    assert "Version 1 is champion" in _call("promote", "1", "--reason", "Its first.").output
    assert noted_champion(world.lake) == "1"
    (line,) = audited(world.home)
    assert (line["action"], line["model_version"], line["reason"]) == ("promote", "1", "Its first.")
    assert line["caller"].startswith("user:")
    with open_instance(world.settings) as instance:
        assert reported_champion(instance) == "1"


def test_the_same_model_again_is_the_version_that_it_was(world: World) -> None:
    assert "Version 1, champion" in _call("register").output


def test_a_version_is_rejected_with_its_reason_and_the_champion_is_not(world: World, tmp_path: Path) -> None:
    registry = open_registry(world.settings)
    version = registry.register(make_bundle(tmp_path / "b"), metrics={}, tags={}).version
    reason = "It overstates bread."
    assert f"is rejected: {reason}" in _call("promote", "--reject", version, "--reason", reason).output
    assert registry.get(version).rejection == reason
    assert isinstance(_call("promote", "--reject", "1", "--reason", "x").exception, RegistryError)


@pytest.mark.parametrize(("promote", "code"), [(True, 0), (False, 1)])
def test_the_word_of_the_gate_is_the_status_where_that_is_asked_for(
    promote: bool, code: int, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = open_registry(world.settings).get("1")
    decided = SimpleNamespace(version=version, decision=SimpleNamespace(promote=promote, reasons=["numbers"]))
    monkeypatch.setattr("retail_forecast.orchestration.gate.register_challenger", lambda *_: decided)
    assert _call("register", "--require-gate").exit_code == code
    assert _call("register").exit_code == 0
    assert _call("register", str(world.home), "--require-gate").exit_code == 2


def test_a_bundle_that_could_not_forecast_is_not_registered(tmp_path: Path) -> None:
    refused = _call("register", str(make_bundle(tmp_path / "b", "untested")))
    assert isinstance(refused.exception, NotFoundError)


@pytest.mark.parametrize(
    "arguments", [[], ["1", "--reject", "2", "--reason", "x"], ["--reject", "1"], ["--reason", "x"]]
)
def test_promote_wants_one_version_and_a_reason_for_a_rejection(arguments: list[str]) -> None:
    result = _call("promote", *arguments)
    assert result.exit_code == 2
    assert "--reject VERSION with --reason" in result.output
