"""What is particular to the registry in MLflow: its database, its files, its silence."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from retail_forecast.errors import RegistryError
from retail_forecast.registry.mlflow_registry import MlflowRegistry
from retail_forecast_tests.registry.test_contract import make_bundle

if TYPE_CHECKING:
    from mlflow.entities import Run


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose registry four threads open at once, before there is any."""
    folder = tmp_path_factory.mktemp("mlflow")
    bundle = make_bundle(folder / "a")
    with ThreadPoolExecutor(4) as pool:
        made = [pool.submit(_open(folder).register, bundle, metrics={}, tags={}) for _ in range(4)]
        assert {one.result().version for one in made} == {"1"}
    return folder


def _open(folder: Path, name: str = "shared") -> MlflowRegistry:
    return MlflowRegistry(uri=f"sqlite:///{folder / 'store' / 'mlflow.db'}", folder=folder / "store", name=name)


def _runs(registry: MlflowRegistry, experiment: str) -> list[Run]:
    found = registry._client.get_experiment_by_name(experiment)
    return list(registry._client.search_runs([found.experiment_id])) if found else []


def test_concurrent_first_use_makes_one_store_and_one_version(home: Path) -> None:
    assert [found.version for found in _open(home).versions()] == ["1"]
    assert {path.name for path in (home / "store").iterdir()} == {".lock", "artifacts", "mlflow.db"}


def test_the_run_tracks_the_recipe(home: Path) -> None:
    (run,) = _runs(_open(home), "shared")
    assert (run.data.params["trees"], run.info.status) == ("7", "FINISHED")


def test_a_registration_that_was_killed_is_taken_up_again(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = _open(home, "killed")
    with monkeypatch.context() as patch:
        patch.setattr(registry._client, "create_model_version", _die)
        with pytest.raises(KeyboardInterrupt):
            registry.register(make_bundle(tmp_path / "a"), metrics={"wrmsse": 0.5}, tags={})
    made = registry.register(make_bundle(tmp_path / "a"), metrics={"wrmsse": 0.5}, tags={})
    assert len(_runs(registry, "killed")) == len(registry.versions()) == 1
    assert made.metrics == {"wrmsse": 0.5}


def _die(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_files_that_were_changed_are_not_handed_out(home: Path, tmp_path: Path) -> None:
    registry = _open(home, "changed")
    made = registry.register(make_bundle(tmp_path / "a"), metrics={}, tags={})
    (run,) = _runs(registry, "changed")
    (home / "store" / "artifacts" / run.info.run_id / "artifacts/bundle/shards/a/plain.txt").write_text("another tree")
    with pytest.raises(RegistryError, match="were changed"):
        registry.fetch(made.version, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_store_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    registry = MlflowRegistry(uri=f"sqlite:///{tmp_path}/file/mlflow.db", folder=tmp_path / "locks")
    with pytest.raises(RegistryError, match=r"file/mlflow\.db refused"):
        registry.champion()


def test_importing_the_registry_does_not_import_mlflow() -> None:
    code = "import sys, retail_forecast.registry.mlflow_registry; print('mlflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.slow
def test_first_use_prints_nothing(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from retail_forecast.registry.mlflow_registry import MlflowRegistry;"
        f"folder = Path({str(tmp_path)!r});"
        "MlflowRegistry(uri=f'sqlite:///{folder}/mlflow.db', folder=folder).champion()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout + done.stderr == ""
    assert {path.name for path in tmp_path.iterdir()} == {".lock", "mlflow.db"}
