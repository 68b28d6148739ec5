"""The contract of trainers: every implementation passes it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from retail_forecast.errors import NotFoundError, TrainingError
from retail_forecast.lake import open_lake
from retail_forecast.lake.artifacts import Artifact
from retail_forecast.models import Bundle
from retail_forecast.pipeline.history import write_history
from retail_forecast.training import Source, Trainer, TrainingJob
from retail_forecast.training.local import LocalTrainer
from retail_forecast_tests.pipeline.shop_lake import CUTOFF, RECIPE, shop_dataset, shop_lake, training_folder
from retail_forecast_tests.training.sagemaker.jobs_of import quick_trainer

ENTRYPOINT = "retail_forecast.training.entrypoint"
WAIT_SECONDS = 120


@pytest.fixture(scope="module")
def channels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("shop")
    lake = shop_lake(folder)
    history = write_history(lake, shop_dataset(), folder / "history", cutoff=CUTOFF)
    return {"features": training_folder(lake), "history": history}


@pytest.fixture(params=["local", "sagemaker"])
def trainer(request: pytest.FixtureRequest, tmp_path: Path) -> Trainer:
    if request.param == "sagemaker":
        return quick_trainer(request.getfixturevalue("aws_cloud"))
    return LocalTrainer(tmp_path / "jobs")


@pytest.fixture
def job(channels: dict[str, Path], tmp_path: Path) -> TrainingJob:
    values = {"recipe": json.dumps(RECIPE.to_json()), "workers": "1", "cutoffs": "1"}
    return TrainingJob("train", "train-1", {"features": channels["features"]}, values, tmp_path / "out")


def test_a_training_gives_a_bundle_its_metrics_and_what_it_took(trainer: Trainer, job: TrainingJob) -> None:
    lines: list[str] = []
    result = trainer.run(job, on_log=lines.append)
    assert sorted(Bundle.load(result.model_dir).pools) == ["00-A", "01-B", "02-C"]
    assert result.metrics == {"pools": 3.0}
    assert "metric pools=3" in lines
    assert result.wall_seconds > 0
    assert result.peak_memory_gb > 0


def test_a_backtest_gives_scores(trainer: Trainer, job: TrainingJob, channels: dict[str, Path]) -> None:
    result = trainer.run(replace(job, task="backtest", channels=channels))
    assert (result.model_dir / "scores.parquet").exists()
    assert result.metrics["wrmsse"] > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "bake"}, "hyperparameter task: found 'bake'; expected train or backtest"),
        ({"channels": {}}, "channel features"),
        ({"hyperparameters": {"workers": "1"}}, "hyperparameter recipe"),
        ({"hyperparameters": {"recipe": '{"tree": 3}'}}, "recipe: found 'tree'"),
    ],
)
def test_a_failure_tells_its_reason(
    trainer: Trainer, job: TrainingJob, change: dict[str, object], message: str
) -> None:
    with pytest.raises(TrainingError, match=message):
        trainer.run(replace(job, **change))  # type: ignore[arg-type]
    assert not job.output_dir.exists()


def test_a_channel_that_is_no_folder_is_named(trainer: Trainer, job: TrainingJob, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"channel 'features' names .*nowhere"):
        trainer.run(replace(job, channels={"features": tmp_path / "nowhere"}))


def test_a_job_that_was_killed_goes_on_from_its_checkpoints(tmp_path: Path, job: TrainingJob) -> None:
    trainer = LocalTrainer(tmp_path / "jobs")

    def kill_after_the_first_pool(line: str) -> None:
        if line.startswith("train: 1 of"):
            _children()[0].kill()

    slow = replace(
        job, hyperparameters={**job.hyperparameters, "recipe": json.dumps({**RECIPE.to_json(), "trees": 400})}
    )
    with pytest.raises(TrainingError, match="SIGKILL"):
        trainer.run(slow, on_log=kill_after_the_first_pool)
    kept = {file: file.stat().st_mtime_ns for file in (tmp_path / "jobs").rglob("*.txt") if "shards" in file.parts}
    assert kept
    lines: list[str] = []
    model = trainer.run(slow, on_log=lines.append).model_dir
    untouched = [file for file, written in kept.items() if written == _moved(file, model).stat().st_mtime_ns]
    assert sorted(untouched) == sorted(kept)


def test_a_job_ends_with_the_process_that_started_it(tmp_path: Path, job: TrainingJob) -> None:
    recipe = json.dumps({**RECIPE.to_json(), "trees": 100_000})
    code = (
        "import sys; from pathlib import Path; from retail_forecast.training import TrainingJob\n"
        "from retail_forecast.training.local import LocalTrainer\n"
        f"job = TrainingJob('train', 'long', {{'features': Path({str(job.channels['features'])!r})}},"
        f" {{'recipe': {recipe!r}, 'workers': '1'}}, Path({str(tmp_path / 'never')!r}))\n"
        f"LocalTrainer(Path({str(tmp_path / 'jobs')!r})).run(job)\n"
    )
    starter = subprocess.Popen([sys.executable, "-c", code])
    child = _wait_for(lambda: psutil.Process(starter.pid).children())[0]
    starter.kill()
    starter.wait()
    _wait_for(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_one_name_runs_once_at_a_time_and_leaves_its_log(tmp_path: Path, job: TrainingJob) -> None:
    trainer = LocalTrainer(tmp_path / "jobs")
    errors: list[str] = []

    def run_again(_line: str) -> None:
        with pytest.raises(TrainingError) as caught:
            trainer.run(job)
        errors.append(str(caught.value))

    trainer.run(job, on_log=run_again)
    assert "runs already" in errors[0]
    assert "metric pools=3" in trainer.log_of(job).read_text()
    assert [path.name for path in (tmp_path / "jobs").iterdir()] == ["train-1.log"]


def test_a_result_is_never_put_over_another(trainer: Trainer, job: TrainingJob) -> None:
    job.output_dir.mkdir()
    with pytest.raises(TrainingError, match="exists already"):
        trainer.run(job)


def test_a_job_ends_when_its_listener_fails(tmp_path: Path, job: TrainingJob) -> None:
    children: list[psutil.Process] = []

    def cancel(_line: str) -> None:
        children.extend(_children())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        LocalTrainer(tmp_path / "jobs").run(job, on_log=cancel)
    assert children
    assert not any(child.is_running() for child in children)


@pytest.mark.slow
def test_a_killed_job_leaves_no_worker_of_ray_behind(tmp_path: Path, job: TrainingJob) -> None:
    family: list[psutil.Process] = []

    def kill_after_the_first_pool(line: str) -> None:
        if line.startswith("train: 1 of"):
            leader = _children()[0]
            family.extend([leader, *leader.children(recursive=True)])
            leader.kill()

    parallel = replace(job, hyperparameters={**job.hyperparameters, "workers": "2"})
    with pytest.raises(TrainingError, match="SIGKILL"):
        LocalTrainer(tmp_path / "jobs").run(parallel, on_log=kill_after_the_first_pool)
    assert len(family) > 3
    _wait_for(lambda: not any(process.is_running() for process in family))


def _moved(file: Path, model: Path) -> Path:
    return model / "shards" / file.parent.name / file.name


def _children() -> list[psutil.Process]:
    """The jobs of this process, which may have started other things for other tests."""
    return [child for child in psutil.Process().children() if ENTRYPOINT in child.cmdline()]


def _wait_for(condition: Callable[[], Any]) -> Any:
    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{condition} did not hold within {WAIT_SECONDS} s")


def test_features_may_be_named_by_where_a_lake_has_them(trainer: Trainer, job: TrainingJob) -> None:
    folder = Path(str(job.channels["features"]))
    far = open_lake("memory://")
    Artifact(far, "features", folder.name).publish(folder, {})
    near = open_lake(folder.parent.parent.as_uri())
    digests = set()
    for number, lake in enumerate((far, near)):
        sources: dict[str, Source] = {"features": Artifact(lake, "features", folder.name)}
        one = replace(job, channels=sources, output_dir=job.output_dir.with_name(f"out-{number}"))
        digests.add(Bundle.load(trainer.run(one).model_dir).digest)
    assert len(digests) == 1


def test_features_that_are_not_published_are_named(trainer: Trainer, job: TrainingJob) -> None:
    missing = Artifact(open_lake("memory://"), "features", "0123")
    with pytest.raises(NotFoundError, match="features/0123"):
        trainer.run(replace(job, channels={"features": missing}))
