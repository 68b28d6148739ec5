"""A person decides in SageMaker's registry, with boto3 alone, and the graph follows: real sensor, real conditions."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.asset_daemon_cursor import AssetDaemonCursor
from dagster._serdes import deserialize_value

from retail_forecast.emulator import Cloud
from retail_forecast.errors import NotFoundError
from retail_forecast.orchestration.approvals import build_approvals_sensor, follow_registry, reported_champion
from retail_forecast.orchestration.instance import open_instance
from retail_forecast.orchestration.outcome import noted_champion
from retail_forecast.orchestration.resources import Platform
from retail_forecast.orchestration.run import run_pipeline
from retail_forecast.registry import ModelRegistry, open_registry
from retail_forecast.settings import Settings
from retail_forecast_tests.orchestration.automation_world import Automation
from retail_forecast_tests.orchestration.endpoints import FakeEndpoint
from retail_forecast_tests.orchestration.world import DAYS, World, audited
from retail_forecast_tests.registry.test_contract import make_bundle

FORECASTS = ("forecasts", "endpoint", "forecast_accuracy", "drift")

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")


@dataclass(frozen=True)
class OnAws(World):
    """A home whose registry is SageMaker's."""

    bucket: str = ""

    @property
    def settings(self) -> Settings:
        return super().settings.model_copy(
            update={
                "registry": "sagemaker",
                "registry_url": f"s3://{self.bucket}/registry",
                "model_package_group": self.bucket,
            }
        )


@dataclass
class Approved:
    """Automation over a settled home, and three registered versions that nobody decided about."""

    automation: Automation
    registry: ModelRegistry
    client: Any

    @property
    def platform(self) -> Platform:
        return self.automation.world.platform

    def decide(self, version: str, status: str) -> None:
        """What a person does in Studio: the approval and nothing else."""
        arn = self.registry.get(version).resource
        self.client.update_model_package(ModelPackageArn=arn, ModelApprovalStatus=status)

    def tick(self) -> bool:
        """One look of the sensor, as the daemon makes it; whether it reported something."""
        context = dg.build_sensor_context(instance=self.automation.instance, resources={"registry": self.registry})
        result = build_approvals_sensor(self.platform)(context)
        events = result.asset_events if isinstance(result, dg.SensorResult) else []
        for event in events:
            self.automation.instance.report_runless_asset_event(event)
        return bool(events)

    def follow(self, version: str) -> None:
        """Automation asks for forecasts, and their run is there."""
        assert set(self.automation.asked()) == set(FORECASTS)
        for name in FORECASTS:
            self.automation.tell(name, f"with {version}")
        for _ in range(2):
            self.automation.asked()


@pytest.fixture
def approved(aws_cloud: Cloud, settled_home: tuple[Path, str, str | None], tmp_path: Path) -> Iterator[Approved]:
    source, cursor, sensor_cursor = settled_home
    world = OnAws(tmp_path / "home", bucket=aws_cloud.new_bucket("approvals"))
    shutil.copytree(source, world.home)
    registry = open_registry(world.settings)
    for text in ("x", "y", "z"):
        registry.register(make_bundle(tmp_path / text, text), metrics={"wrmsse": 0.5}, tags={})
    with open_instance(world.settings) as instance:
        automation = Automation(world, instance, sensor_cursor, deserialize_value(cursor, AssetDaemonCursor))
        yield Approved(automation, registry, aws_cloud.client("sagemaker"))


def test_a_version_that_is_approved_in_aws_leads_to_forecasts_with_it(approved: Approved) -> None:
    approved.decide("2", "Approved")
    assert approved.tick()
    assert reported_champion(approved.automation.instance) == noted_champion(approved.platform.lake) == "2"
    approved.follow("2")
    assert not approved.tick()
    assert approved.automation.asked() == {}
    *_, line = audited(approved.automation.world.home)
    assert (line["action"], line["model_version"], line["reason"]) == (
        "promote",
        "2",
        f"decided in {approved.registry.get('2').resource}",
    )
    assert line["caller"] == "registry:arn:aws:sts::123456789012:user/moto"


def test_the_champion_that_is_rejected_in_aws_gives_way_to_the_one_before(approved: Approved) -> None:
    for version, status in (("1", "Approved"), ("3", "Approved"), ("3", "Rejected")):
        approved.decide(version, status)
        assert approved.tick()
        champion = reported_champion(approved.automation.instance)
        assert champion == (version if status == "Approved" else "1")
        approved.follow(champion)


def test_a_version_that_waits_or_is_rejected_changes_nothing(approved: Approved) -> None:
    approved.decide("1", "Approved")
    approved.tick()
    approved.follow("1")
    approved.decide("2", "Rejected")
    assert not approved.tick()
    assert approved.automation.asked() == {}


def test_without_an_approved_version_what_is_published_stays(approved: Approved) -> None:
    approved.decide("1", "Approved")
    approved.tick()
    approved.follow("1")
    approved.decide("1", "Rejected")
    assert not approved.tick()
    assert reported_champion(approved.automation.instance) == "1"
    assert approved.automation.asked() == {}


def test_a_decision_by_command_is_told_at_once(approved: Approved) -> None:
    approved.registry.promote("2")
    champion = follow_registry(approved.platform, approved.registry, approved.automation.instance)
    assert champion is not None
    assert champion.version == "2"
    assert not approved.tick()
    approved.follow("2")


@pytest.mark.slow
def test_a_model_that_waits_forecasts_once_a_person_approved_it(aws_cloud: Cloud, tmp_path: Path) -> None:
    world = OnAws(tmp_path / "home", bucket=aws_cloud.new_bucket("approvals"))
    world.write_dataset()
    world.deliver_all()
    settings = world.settings.model_copy(update={"promotion": "manual", "preset": "fast"})
    overrides = {"endpoint_port": FakeEndpoint()}
    with pytest.raises(NotFoundError, match="Version 1 passed the gate and waits for a person"):
        run_pipeline(settings, overrides=overrides)
    world.deliver(DAYS)
    with pytest.raises(NotFoundError, match="Version 1 passed the gate and waits for a person"):
        run_pipeline(settings, overrides=overrides)  # with a newer day, and yet without another training
    package = open_registry(settings).get("1").resource
    aws_cloud.client("sagemaker").update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
    summary = run_pipeline(settings, overrides=overrides)
    assert not summary.trained
    assert [one.version for one in open_registry(settings).versions()] == ["1"]
    assert summary.vintage is not None
    assert (summary.vintage.model_version, summary.vintage.model["model_package"]) == ("1", package)
