from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from starlette.testclient import TestClient

from retail_forecast.lake import open_lake
from retail_forecast.lake.vintages import Vintage
from retail_forecast.models import Bundle
from retail_forecast.serving.app import build_app
from retail_forecast.serving.state import ServingState
from retail_forecast_tests.serving.world import features, publish, spoil, train


@dataclass(frozen=True)
class World:
    """A lake with two good vintages, one that is broken, and one that is sound and forecasts twice as much."""

    lake_url: str
    bundle: Bundle
    rows: pl.DataFrame
    first: Vintage
    second: Vintage
    broken: Vintage
    doubled: Vintage


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder: Path = tmp_path_factory.mktemp("world")
    lake_url = (folder / "lake").as_uri()
    rows = features()
    bundle = train(rows, folder / "bundle")
    lake = open_lake(lake_url)
    more = train(rows.with_columns(units_sold=2 * pl.col("units_sold")), folder / "doubled")
    doubled = publish(lake, more, rows, version="9")
    first, second = (publish(lake, bundle, rows, version=version) for version in ("1", "2"))
    return World(lake_url, bundle, rows, first, second, spoil(lake_url, first), doubled)


@pytest.fixture(scope="session")
def serving(world: World) -> ServingState:
    state = ServingState(replica="r1")
    state.switch({"vintage": world.first.id, "lake_url": world.lake_url, "request": "one"})
    return state


@pytest.fixture(scope="session")
def client(serving: ServingState) -> Iterator[TestClient]:
    with TestClient(build_app(serving), raise_server_exceptions=False) as client:
        yield client
