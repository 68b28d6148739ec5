"""Which models stay: the champion, what waits, the last ones, and those that something names."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from retail_forecast.orchestration.model_retention import needed_models, prune_models
from retail_forecast.pipeline.arrivals import look_for_arrivals
from retail_forecast.pipeline.tables import publish_table, stale_partitions
from retail_forecast.registry import ModelRegistry
from retail_forecast.registry.mlflow_registry import MlflowRegistry
from retail_forecast_tests.orchestration.vintages import publish_last_sales
from retail_forecast_tests.orchestration.world import World
from retail_forecast_tests.registry.test_contract import make_bundle

LATER = datetime.now(UTC) + timedelta(days=40)


@pytest.fixture
def registry(tmp_path: Path) -> ModelRegistry:
    """1 retired, 2 champion, 3 rejected, 4 rejected, 5 waits."""
    made = MlflowRegistry(uri=f"sqlite:///{tmp_path / 'mlflow.db'}", folder=tmp_path)
    for text in "abcde":
        made.register(make_bundle(tmp_path / text, text), metrics={"wrmsse": 1.0}, tags={})
    for version in "12":
        made.promote(version)
    for version in "34":
        made.reject(version, "Not this one.")
    return made


def left(registry: ModelRegistry) -> list[str]:
    return [one.version for one in registry.versions()]


def test_only_old_retired_and_rejected_models_go(registry: ModelRegistry) -> None:
    assert prune_models(registry, keep=1, needed=(), before=datetime.now(UTC) - timedelta(days=1)) == []
    assert prune_models(registry, keep=3, needed=["1"], before=LATER) == []
    assert prune_models(registry, keep=1, needed=["3"], before=LATER) == ["4", "1"]
    assert left(registry) == ["5", "3", "2"]


def test_models_behind_a_vintage_or_the_last_training_are_needed(world: World) -> None:
    world.deliver_all(days=3)
    platform = world.platform
    look_for_arrivals(platform.lake, platform.landing, platform.dataset, settle_seconds=0)
    for table in platform.dataset.tables:
        publish_table(
            platform.lake,
            platform.landing,
            platform.dataset,
            table,
            stale_partitions(platform.lake, platform.dataset, table),
        )
    publish_last_sales(world, model_version="7")
    progress = {"request": "r", "cutoff": "2024-01-03", "features": "f", "champion": "3"}
    platform.lake.store.write("training_progress.json", json.dumps(progress).encode())
    assert needed_models(platform.lake) == {"7", "3"}
