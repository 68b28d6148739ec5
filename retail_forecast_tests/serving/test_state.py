from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import polars as pl
import pytest

from retail_forecast.errors import RetailForecastError
from retail_forecast.lake import open_lake
from retail_forecast.lake.vintages import put_in_force
from retail_forecast.serving.loading import load_predictor
from retail_forecast.serving.state import ServingState
from retail_forecast_tests.serving.conftest import World
from retail_forecast_tests.serving.world import publish


def config(world: World, vintage: str, **more: str) -> dict[str, str]:
    return {"vintage": vintage, "lake_url": world.lake_url, **more}


def test_a_new_vintage_is_swapped_in_whole(world: World) -> None:
    state = ServingState()
    state.switch(config(world, world.first.id, request="a"))
    state.switch(config(world, world.second.id, request="b"))
    assert state.provenance()["model_version"] == "2"
    assert (state.status()["status"], state.status()["request"]) == ("ready", "b")


def test_a_broken_vintage_keeps_the_old_one_and_says_why(world: World) -> None:
    state = ServingState()
    state.switch(config(world, world.first.id))
    state.switch(config(world, world.broken.id, request="b"))
    status = state.status()
    assert (status["status"], status["wanted"], status["active"]) == ("degraded", world.broken.id, world.first.id)
    assert status["error"]
    assert status["request"] == "b"


def test_a_vintage_that_does_not_exist_is_named(world: World) -> None:
    state = ServingState()
    state.switch(config(world, "2020-01-01-abcdef"))
    assert state.status()["status"] == "unready"
    assert "2020-01-01-abcdef" in str(state.error)


def test_a_replica_that_starts_with_a_broken_vintage_serves_the_fallback(world: World) -> None:
    state = ServingState()
    state.switch(config(world, world.broken.id, fallback=world.first.id))
    assert (state.status()["status"], state.status()["active"]) == ("degraded", world.first.id)


def test_a_replica_that_starts_untold_serves_the_vintage_in_force_and_one_that_serves_keeps_its_own(
    world: World,
) -> None:
    put_in_force(open_lake(world.lake_url), world.second.id)
    fresh, running = ServingState(), ServingState()
    running.switch(config(world, world.first.id))
    for state in (fresh, running):
        state.switch({"lake_url": world.lake_url, "request": "b"})
    assert (fresh.status()["status"], fresh.status()["active"]) == ("ready", world.second.id)
    assert (running.status()["status"], running.status()["active"]) == ("ready", world.first.id)


def test_a_replica_is_of_no_use_when_it_must_serve_and_can_serve_nothing(world: World, tmp_path: Path) -> None:
    broken, saved, waiting = ServingState(), ServingState(), ServingState()
    broken.switch({**config(world, world.broken.id), "required": True})
    saved.switch({**config(world, world.broken.id, fallback=world.first.id), "required": True})
    waiting.switch({"lake_url": (tmp_path / "empty").as_uri(), "required": True})  # nothing was published yet
    assert [state.is_of_no_use for state in (broken, saved, waiting)] == [True, False, False]


def test_an_unknown_key_of_the_configuration_is_reported_and_changes_nothing(world: World) -> None:
    state = ServingState()
    state.switch(config(world, world.first.id))
    state.switch(config(world, world.second.id, vintag="x"))
    assert "vintag" in str(state.error)
    assert (state.status()["wanted"], state.status()["active"]) == (world.second.id, world.first.id)


@pytest.mark.parametrize("raw", [None, [], "text", {"vintage": 5}, {"vintage": ["x"], "request": {}}])
def test_no_configuration_whatever_raises(raw: object) -> None:
    state = ServingState()
    state.switch(raw)
    assert state.status()["status"] == "unready"


def test_whatever_the_loader_raises_stays_inside(world: World) -> None:
    def fail(_lake: str, _vintage: str) -> NoReturn:
        raise MemoryError("too large")

    state = ServingState(load=fail)
    state.switch(config(world, world.first.id))
    assert "too large" in str(state.error)


def test_forecasts_that_the_model_does_not_say_are_not_served(world: World, tmp_path: Path) -> None:
    lake_url = (tmp_path / "lake").as_uri()
    vintage = publish(open_lake(lake_url), world.bundle, world.rows, version="3", scale=1.5)
    with pytest.raises(RetailForecastError, match="does not reproduce its forecasts"):
        load_predictor(lake_url, vintage.id)


def test_feature_rows_of_other_series_are_not_served(world: World, tmp_path: Path) -> None:
    lake_url = (tmp_path / "lake").as_uri()
    vintage = publish(open_lake(lake_url), world.bundle, world.rows, version="4")
    path = f"vintages/{vintage.id}/scenario_features.parquet"
    file = Path(open_lake(lake_url).store.url_of(path))
    pl.read_parquet(file).with_columns(item_id=pl.col("item_id") + "x").write_parquet(file)
    with pytest.raises(RetailForecastError, match="feature rows"):
        load_predictor(lake_url, vintage.id)
