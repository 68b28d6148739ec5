from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from retail_forecast.orchestration.instance import open_instance
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
