from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._serdes import serialize_value

from retail_forecast.orchestration.instance import open_instance
from retail_forecast_tests.orchestration.automation_world import Automation
from retail_forecast_tests.orchestration.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An empty home."""
    return World(tmp_path / "home")


@pytest.fixture(scope="session")
def fresh_storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance's files before its first event; making them takes seconds, copying them does not."""
    world = World(tmp_path_factory.mktemp("fresh"))
    with open_instance(world.settings):
        return world.settings.dagster_home


@pytest.fixture
def instance(world: World, fresh_storage: Path) -> Iterator[dg.DagsterInstance]:
    """The home's Dagster instance: SQLite files, as on a laptop."""
    shutil.copytree(fresh_storage, world.settings.dagster_home)
    with open_instance(world.settings) as opened:
        yield opened


@pytest.fixture(scope="session")
def settled_home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str | None]:
    """A settled home, automation's cursor and the sensor's."""
    world = World(tmp_path_factory.mktemp("settled") / "home")
    world.deliver_all(days=3)
    with open_instance(world.settings) as instance:
        automation = Automation(world, instance)
        automation.settle()
    return world.home, serialize_value(automation.cursor), automation.sensor_cursor
