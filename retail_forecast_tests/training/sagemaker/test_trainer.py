"""What only the trainer on SageMaker does; the contract of all trainers is in test_trainers.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from retail_forecast.emulator import Cloud
from retail_forecast.lake import open_lake, open_store
from retail_forecast.lake.artifacts import Artifact
from retail_forecast.models import Bundle
from retail_forecast.training import TrainingJob
from retail_forecast.training.local import LocalTrainer
from retail_forecast.training.sagemaker.trainer import SageMakerTrainer
from retail_forecast.training.sagemaker.transfer import split_url
from retail_forecast_tests.pipeline.shop_lake import RECIPE, shop_lake, training_folder
from retail_forecast_tests.training.sagemaker.jobs_of import quick_trainer


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training_folder(shop_lake(tmp_path_factory.mktemp("shop")))


@pytest.fixture
def job(features: Path, tmp_path: Path) -> TrainingJob:
    # the folder's name makes the job another one in each test
    values = {"recipe": json.dumps(RECIPE.to_json()), "workers": "1", "test": tmp_path.name}
    return TrainingJob("train", "train-1", {"features": features}, values, tmp_path / "out")


def slow(job: TrainingJob) -> TrainingJob:
    """Long enough to be interrupted between two pools."""
    return replace(
        job, hyperparameters={**job.hyperparameters, "recipe": json.dumps({**RECIPE.to_json(), "trees": 4000})}
    )


def jobs_of(trainer: SageMakerTrainer) -> dict[str, dict[str, Any]]:
    """Descriptions of the jobs on this test's bucket, by name."""
    client, bucket = trainer.jobs.sagemaker, split_url(str(trainer.settings.training_url))[0]
    names = [one["TrainingJobName"] for one in client.list_training_jobs(MaxResults=100)["TrainingJobSummaries"]]
    found = {name: client.describe_training_job(TrainingJobName=name) for name in names}
    return {name: one for name, one in found.items() if bucket in one["OutputDataConfig"]["S3OutputPath"]}


def at_first_pool(action: Callable[[], object]) -> Callable[[str], None]:
    """A listener that acts once, when a pool is finished."""
    done: list[object] = []

    def listen(line: str) -> None:
        if line.startswith("train: 1 of") and not done:
            done.append(line)
            action()

    return listen


def test_a_job_costs_what_was_billed_and_says_where_it_was(aws_cloud: Cloud, job: TrainingJob) -> None:
    lines = list[str]()
    bill = quick_trainer(aws_cloud).run(job, on_log=lines.append).bill
    assert bill is not None
    assert bill.instance == "1 x ml.m5.2xlarge, spot"
    assert bill.cost_usd == pytest.approx(bill.billed_seconds * 3.6 / 3600, abs=1e-4)
    assert bill.job_arn.rsplit("/")[-1] in bill.console_url
    assert "train: 1 of 3 pools" in lines
    assert not [line for line in lines if "8.8.8.8" in line]  # where Ray looks for its address, unless it is told


def test_an_ended_job_is_used_again_unless_its_result_is_gone(aws_cloud: Cloud, job: TrainingJob) -> None:
    trainer = quick_trainer(aws_cloud)
    one, two, three = (
        trainer_run(trainer, job, number, before=before) for number, before in ((1, False), (2, False), (3, True))
    )
    assert one == two == three
    names = sorted(jobs_of(trainer))
    assert names == [names[0], f"{names[0]}-2"]


def trainer_run(trainer: SageMakerTrainer, job: TrainingJob, number: int, *, before: bool) -> str:
    if before:
        (described,) = jobs_of(trainer).values()
        bucket, key = split_url(described["ModelArtifacts"]["S3ModelArtifacts"])
        trainer.s3.delete_object(Bucket=bucket, Key=key)
    result = trainer.run(replace(job, output_dir=job.output_dir.with_name(f"out-{number}")))
    return Bundle.load(result.model_dir).digest


def test_an_interrupt_stops_the_job(aws_cloud: Cloud, job: TrainingJob) -> None:
    trainer = quick_trainer(aws_cloud)

    def cancel() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trainer.run(slow(job), on_log=at_first_pool(cancel))
    (described,) = jobs_of(trainer).values()
    assert described["TrainingJobStatus"] in ("Stopping", "Stopped")


@pytest.mark.slow
def test_an_interrupted_spot_job_goes_on_and_ends_with_the_same_bytes(
    aws_cloud: Cloud, job: TrainingJob, tmp_path: Path
) -> None:
    trainer, lines = quick_trainer(aws_cloud), list[str]()
    interrupt = at_first_pool(lambda: aws_cloud.interrupt(next(iter(jobs_of(trainer)))))

    def listen(line: str) -> None:
        lines.append(line)
        interrupt(line)

    interrupted = trainer.run(slow(job), on_log=listen)
    (described,) = jobs_of(trainer).values()
    assert "Interrupted" in [one["Status"] for one in described["SecondaryStatusTransitions"]]
    assert len([line for line in lines if line.startswith("train: 1 of")]) == 2
    whole = LocalTrainer(tmp_path / "jobs").run(replace(slow(job), output_dir=tmp_path / "whole"))
    assert Bundle.load(interrupted.model_dir).digest == Bundle.load(whole.model_dir).digest


@pytest.mark.slow
def test_a_job_on_two_hosts_ends_with_the_bytes_of_one(aws_cloud: Cloud, job: TrainingJob, tmp_path: Path) -> None:
    trainer = quick_trainer(aws_cloud, training_instance_count=2)
    lines: list[str] = []
    shared = trainer.run(job, on_log=lines.append)
    whole = LocalTrainer(tmp_path / "jobs").run(replace(job, output_dir=tmp_path / "whole"))
    assert Bundle.load(shared.model_dir).digest == Bundle.load(whole.model_dir).digest
    (name,) = jobs_of(trainer)
    host = aws_cloud.folder / "jobs" / name / "attempt-1" / "algo-2"
    assert list(host.rglob("checkpoints/**/shards/*/*.txt"))
    assert shared.bill is not None
    assert shared.bill.instance == "2 x ml.m5.2xlarge, spot"


@pytest.mark.slow
def test_the_sdk_of_sagemaker_reads_the_job_as_it_was_asked_for(
    aws_cloud: Cloud, job: TrainingJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAGEMAKER_VALIDATE_ROLE", "false")
    resources = pytest.importorskip("sagemaker.core.resources")
    trainer = quick_trainer(aws_cloud, training_instance_type="ml.c5.xlarge")
    trainer.run(job)
    (name,) = jobs_of(trainer)
    read = resources.TrainingJob.get(training_job_name=name, region="ap-southeast-1")
    assert read.training_job_status == "Completed"
    assert read.resource_config.instance_type == "ml.c5.xlarge"
    assert read.hyper_parameters["task"] == "train"
    assert read.checkpoint_config.s3_uri.endswith(f"/checkpoints/{name}")


def test_features_of_a_lake_on_s3_stay_where_they_are(aws_cloud: Cloud, job: TrainingJob, features: Path) -> None:
    trainer = quick_trainer(aws_cloud)
    lake = open_lake(f"s3://{aws_cloud.new_bucket('lake')}/lake")
    published = Artifact(lake, "features", features.name)
    published.publish(features, {})
    result = trainer.run(replace(job, channels={"features": published}))
    (described,) = jobs_of(trainer).values()
    (channel,) = described["InputDataConfig"]
    assert channel["DataSource"]["S3DataSource"]["S3Uri"] == f"{lake.store.url}/features/{features.name}/"
    assert list(open_store(str(trainer.settings.training_url)).list("inputs")) == []
    assert sorted(Bundle.load(result.model_dir).pools) == ["00-A", "01-B", "02-C"]
