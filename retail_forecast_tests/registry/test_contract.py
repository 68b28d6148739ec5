"""What every registry does, asked of each implementation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from retail_forecast.emulator import Cloud
from retail_forecast.errors import NotFoundError, RegistryError
from retail_forecast.features import FeatureSpec
from retail_forecast.models.bundle import Bundle, write_bundle
from retail_forecast.models.recipe import Recipe
from retail_forecast.registry import ModelRegistry
from retail_forecast.registry.mlflow_registry import MlflowRegistry
from retail_forecast.registry.sagemaker_registry import SageMakerRegistry

METRICS = {"wrmsse": 0.61, "seasonal_naive wrmsse": 0.85}
TAGS = {"request": "r1", "features": "abc"}


def make_bundle(path: Path, text: str = "tree", *, cutoff: date = date(2024, 5, 1)) -> Path:
    """A bundle of one pool whose model is just a text."""
    write_bundle(
        path,
        recipe=Recipe(trees=7),
        spec=FeatureSpec(frequency="1d", horizon=7),
        pools={"a": ["s1"]},
        training_cutoff=cutoff,
        origin={"dataset": "test", "window_start": "2024-01-01"},
        categories={"a": {}},
        models={"a": {"plain": text}},
    )
    return path


@pytest.fixture(scope="module")
def mlflow_store(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], ModelRegistry]:
    """Fresh registries in MLflow; they share a store, which takes seconds to make."""
    folder = tmp_path_factory.mktemp("registry")
    uri, numbers = f"sqlite:///{folder / 'mlflow.db'}", count()
    return lambda: MlflowRegistry(uri=uri, folder=folder, name=f"test-{next(numbers)}")


@pytest.fixture(params=["mlflow", "sagemaker"])
def registry(request: pytest.FixtureRequest, mlflow_store: Callable[[], ModelRegistry]) -> ModelRegistry:
    """A fresh registry of each kind."""
    if request.param == "mlflow":
        return mlflow_store()
    return fresh_sagemaker_registry(request.getfixturevalue("aws_cloud"))


def fresh_sagemaker_registry(cloud: Cloud) -> SageMakerRegistry:
    """A registry in the emulated SageMaker, with a bucket and a group of its own."""
    bucket = cloud.new_bucket("models")
    return SageMakerRegistry(group=f"group-{bucket}", url=f"s3://{bucket}/registry", region=cloud.region)


def test_an_empty_registry_has_no_champion(registry: ModelRegistry) -> None:
    assert registry.champion() is None
    assert registry.versions() == []


def test_a_registered_model_is_a_challenger_with_its_metrics_and_origin(
    registry: ModelRegistry, tmp_path: Path
) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    made = registry.register(bundle, metrics=METRICS, tags=TAGS)
    assert made == registry.get(made.version)
    assert (made.stage, made.training_cutoff) == ("challenger", date(2024, 5, 1))
    assert (made.metrics, made.tags, made.rejection) == (METRICS, TAGS, None)
    assert made.bundle_digest == Bundle.load(bundle).digest
    assert datetime.now(UTC) - made.created_at < timedelta(minutes=5)
    assert registry.champion() is None


def test_the_same_bundle_again_is_the_same_version(registry: ModelRegistry, tmp_path: Path) -> None:
    first = registry.register(make_bundle(tmp_path / "a"), metrics=METRICS, tags=TAGS)
    again = registry.register(make_bundle(tmp_path / "b"), metrics={"wrmsse": 9.0}, tags={})
    assert again == first
    assert registry.versions() == [first]


def test_the_bundle_of_the_champion_again_is_the_champion(registry: ModelRegistry, tmp_path: Path) -> None:
    registry.promote(registry.register(make_bundle(tmp_path / "a"), metrics=METRICS, tags=TAGS).version)
    assert registry.register(make_bundle(tmp_path / "b"), metrics=METRICS, tags=TAGS) == registry.champion()


def test_promoting_retires_the_champion_and_rolls_back(registry: ModelRegistry, tmp_path: Path) -> None:
    old, new = (
        registry.register(make_bundle(tmp_path / text, text), metrics=METRICS, tags={}).version for text in ("x", "y")
    )
    registry.promote(old)
    assert registry.promote(new).stage == "champion"
    assert [(found.version, found.stage) for found in registry.versions()] == [(new, "champion"), (old, "retired")]
    registry.promote(old)
    assert registry.champion() == registry.get(old)
    assert registry.get(new).stage == "retired"


def test_promoting_twice_changes_nothing(registry: ModelRegistry, tmp_path: Path) -> None:
    version = registry.register(make_bundle(tmp_path / "a"), metrics=METRICS, tags={}).version
    assert registry.promote(version) == registry.promote(version) == registry.champion()


def test_a_rejected_model_keeps_the_reason(registry: ModelRegistry, tmp_path: Path) -> None:
    version = registry.register(make_bundle(tmp_path / "a"), metrics=METRICS, tags={}).version
    rejected = registry.reject(version, "Does not beat the champion.")
    assert (rejected.stage, rejected.rejection) == ("rejected", "Does not beat the champion.")
    assert registry.champion() is None


def test_a_rejected_model_may_be_promoted_after_all(registry: ModelRegistry, tmp_path: Path) -> None:
    version = registry.register(make_bundle(tmp_path / "a"), metrics=METRICS, tags={}).version
    registry.reject(version, "Does not beat the champion.")
    promoted = registry.promote(version)
    assert (promoted.stage, promoted.rejection) == ("champion", None)


def test_the_champion_cannot_be_rejected(registry: ModelRegistry, tmp_path: Path) -> None:
    version = registry.register(make_bundle(tmp_path / "a"), metrics=METRICS, tags={}).version
    registry.promote(version)
    with pytest.raises(RegistryError, match="is the champion"):
        registry.reject(version, "why not")
    assert registry.champion() == registry.get(version)


def test_a_bundle_comes_back_as_it_was(registry: ModelRegistry, tmp_path: Path) -> None:
    made = registry.register(make_bundle(tmp_path / "a"), metrics=METRICS, tags={})
    fetched = registry.fetch(made.version, tmp_path / "deep" / "copy")
    assert Bundle.load(fetched).digest == made.bundle_digest
    assert registry.fetch(made.version, fetched) == fetched
    assert [path.name for path in fetched.parent.iterdir()] == ["copy"]


def test_a_folder_that_holds_something_else_is_not_overwritten(registry: ModelRegistry, tmp_path: Path) -> None:
    made = registry.register(make_bundle(tmp_path / "a"), metrics=METRICS, tags={})
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(RegistryError, match="holds something else"):
        registry.fetch(made.version, tmp_path / "mine")
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


@pytest.mark.parametrize("version", ["77", "latest"])
def test_an_unknown_version_is_named_with_those_that_there_are(
    registry: ModelRegistry, tmp_path: Path, version: str
) -> None:
    made = registry.register(make_bundle(tmp_path / "a"), metrics=METRICS, tags={})
    for question in (registry.get, registry.promote, lambda v: registry.fetch(v, tmp_path / "x")):
        with pytest.raises(NotFoundError, match=f"'{version}'.*Registered versions: {made.version}"):
            question(version)


def test_a_folder_that_is_no_bundle_is_refused(registry: ModelRegistry, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        registry.register(tmp_path, metrics={}, tags={})
    assert registry.versions() == []


def test_a_removed_version_is_gone_with_its_files_and_its_number_is_not_given_again(
    registry: ModelRegistry, tmp_path: Path
) -> None:
    old, new = (
        registry.register(make_bundle(tmp_path / text, text), metrics=METRICS, tags={}).version for text in ("x", "y")
    )
    registry.remove(new)
    assert [one.version for one in registry.versions()] == [old]
    with pytest.raises(NotFoundError, match=f"'{new}'"):
        registry.fetch(new, tmp_path / "copy")
    again = registry.register(make_bundle(tmp_path / "again", "y"), metrics=METRICS, tags={})
    assert again.version not in (old, new)
    assert Bundle.load(registry.fetch(again.version, tmp_path / "copy")).digest == again.bundle_digest


def test_the_champion_cannot_be_removed(registry: ModelRegistry, tmp_path: Path) -> None:
    version = registry.register(make_bundle(tmp_path / "a"), metrics=METRICS, tags={}).version
    registry.promote(version)
    with pytest.raises(RegistryError, match="is the champion"):
        registry.remove(version)
    assert registry.fetch(version, tmp_path / "copy").exists()
