"""A registered model becomes what everybody gets: `rollout start --model`, `rollout promote`, with real registries."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from retail_forecast.cli import app
from retail_forecast.emulator import Cloud
from retail_forecast.lake.vintages import latest_vintage
from retail_forecast.models import Recipe
from retail_forecast.orchestration.run import run_pipeline
from retail_forecast.registry import open_registry
from retail_forecast.settings import Settings
from retail_forecast.training.recipes import write_recipe
from retail_forecast_tests.orchestration.endpoints import FakeEndpoint
from retail_forecast_tests.orchestration.world import World, audited
from retail_forecast_tests.serving.replicas import Replicas, run_replicas

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::dagster.BetaWarning")]


@dataclass(frozen=True)
class Shop(World):
    """A home whose lake and registry are where the settings say."""

    places: dict[str, Any]

    @property
    def settings(self) -> Settings:
        return super().settings.model_copy(update=self.places)


@pytest.fixture(params=["mlflow", "sagemaker"])
def shop(request: pytest.FixtureRequest, aws_cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """It forecasts with its first model; MLflow with a lake in folders, SageMaker with one on S3."""
    bucket = aws_cloud.new_bucket("rollout")
    places: dict[str, Any] = {"recipe_file": write_recipe(tmp_path, Recipe(trees=20), {})}
    if request.param == "sagemaker":
        on_aws = {"registry": "sagemaker", "registry_url": f"s3://{bucket}/registry", "model_package_group": bucket}
        places |= {"lake_url": f"s3://{bucket}/lake", **on_aws}
    shop = Shop(tmp_path / "home", places)
    shop.write_dataset()
    shop.deliver_all(40)
    for name, value in {**shop.settings.model_dump(exclude_defaults=True), "home": shop.home}.items():
        monkeypatch.setenv(f"RETAIL_FORECAST_{name.upper()}", str(value))
    assert run_pipeline(shop.settings, overrides={"endpoint_port": FakeEndpoint()}).vintage is not None
    return shop


def call(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def answer(replicas: Replicas, path: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{replicas.url}/v1/{path}/north/ale", trust_env=False).raise_for_status().json()
    return found


def test_a_registered_model_is_tried_promoted_and_becomes_champion(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = latest_vintage(shop.lake)
    assert first is not None
    monkeypatch.setenv("RETAIL_FORECAST_RECIPE_FILE", str(write_recipe(tmp_path / "other", Recipe(trees=30), {})))
    call("train")
    assert "Version 2, challenger" in call("register")
    with run_replicas(shop.settings.lake) as replicas:
        replicas.deploy(first.id)
        monkeypatch.setattr("retail_forecast.serving.open_endpoint", lambda _: replicas)
        call("rollout", "start", "--model", "2", "--mode", "canary", "--share", "1")
        assert (answer(replicas, "forecasts")["model_version"], replicas.status().active) == ("2", first.id)
        champion = open_registry(shop.settings).champion()
        assert champion is not None
        assert (champion.version, latest_vintage(shop.lake)) == ("1", first)

        call("rollout", "promote", "--reason", "Bread is nearer.")
        assert {answer(replicas, path)["model_version"] for path in ("forecasts", "history")} == {"2"}
        past = [one["units_sold"] for one in answer(replicas, "history")["periods"]]
        assert len([units for units in past if units is not None]) == 40  # as many days as were delivered
    champion, in_force = open_registry(shop.settings).champion(), latest_vintage(shop.lake)
    assert champion is not None
    assert in_force is not None
    assert champion.version == in_force.model_version == "2"
    line = audited(shop.home)[-1]
    assert (line["action"], line["model_version"], line["replaced"]) == ("rollout promote", "2", "1")
    assert line["reason"] == "Bread is nearer."
