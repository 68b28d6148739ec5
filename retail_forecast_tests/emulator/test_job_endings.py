"""Jobs that are stopped, run too long, or lose their spot capacity."""

from __future__ import annotations

from typing import Any

import pytest

from retail_forecast_tests.emulator.jobs import Desk

PATIENT = "print('under way'); time.sleep(600)"
COUNTING = """
file = ML / "checkpoints/steps"
done = int(file.read_text()) if file.exists() else 0
print(f"from {done}")
for step in range(done + 1, 6):
    file.write_text(str(step))
    if step == 3 and done == 0:
        print("waiting"); time.sleep(600)
(ML / "model/steps").write_text(f"from {done} to {step}")
"""


def spot(desk: Desk, **stopping: int) -> dict[str, Any]:
    """What a request adds for managed spot with checkpoints."""
    return {
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 120, **stopping},
        "CheckpointConfig": {"S3Uri": f"s3://{desk.bucket}/checkpoints"},
    }


def steps(job: dict[str, Any]) -> list[str]:
    return [step["Status"] for step in job["SecondaryStatusTransitions"]]


def test_a_stopped_job_may_finish_what_it_does(desk: Desk) -> None:
    name = desk.start(
        """
        def end(*_):
            (ML / "model/half").write_text("saved"); sys.exit(0)
        signal.signal(signal.SIGTERM, end)
        print("under way"); time.sleep(600)
        """
    )
    desk.await_line(name, "under way")
    desk.sagemaker.stop_training_job(TrainingJobName=name)
    job = desk.finish(name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert desk.archive(job["ModelArtifacts"]["S3ModelArtifacts"]) == {"half": "saved"}


def test_a_job_that_does_not_heed_the_stop_is_killed(desk: Desk) -> None:
    desk.cloud.control("POST", "settings", {"grace_seconds": 1})
    name = desk.start(PATIENT)  # as process number 1, it ignores a SIGTERM that it has no handler for
    desk.await_line(name, "under way")
    desk.sagemaker.stop_training_job(TrainingJobName=name)
    job = desk.finish(name)
    desk.cloud.control("POST", "settings", {"grace_seconds": 5})
    assert job["TrainingJobStatus"] == "Stopped"
    assert (job["TrainingEndTime"] - job["TrainingStartTime"]).total_seconds() >= 1


def test_a_job_that_has_ended_cannot_be_stopped(desk: Desk) -> None:
    name = desk.start("")
    desk.finish(name)
    with pytest.raises(desk.sagemaker.exceptions.ClientError, match="training job is in status Completed"):
        desk.sagemaker.stop_training_job(TrainingJobName=name)


def test_a_job_that_runs_too_long_is_stopped(desk: Desk) -> None:
    body = f"signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); {PATIENT}"
    job = desk.finish(desk.start(body, StoppingCondition={"MaxRuntimeInSeconds": 3}))
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert job["BillableTimeInSeconds"] == job["TrainingTimeInSeconds"] >= 3


def test_an_interrupted_job_goes_on_from_its_checkpoint(desk: Desk) -> None:
    name = desk.start(COUNTING, **spot(desk))
    desk.await_line(name, "waiting")
    desk.cloud.interrupt(name)
    job = desk.finish(name)
    again = ["Interrupted", "Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert steps(job) == ["Starting", "Downloading", "Training", *again]
    assert desk.archive(job["ModelArtifacts"]["S3ModelArtifacts"]) == {"steps": "from 3 to 5"}
    assert desk.log_of(name) == ["from 0", "waiting", "from 3"]
    assert job["BillableTimeInSeconds"] < job["TrainingTimeInSeconds"]


def test_checkpoints_are_in_s3_while_the_job_runs(desk: Desk) -> None:
    name = desk.start(COUNTING, **spot(desk))
    desk.await_line(name, "waiting")
    while "checkpoints/steps" not in desk.keys("checkpoints/"):
        assert desk.sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "InProgress"
    desk.sagemaker.stop_training_job(TrainingJobName=name)
    desk.finish(name)
    assert desk.text("checkpoints/steps") == "3"


def test_a_spot_job_that_waits_too_long_is_stopped(desk: Desk) -> None:
    name = desk.start(PATIENT, **spot(desk, MaxRuntimeInSeconds=3, MaxWaitTimeInSeconds=3))
    assert desk.finish(name)["SecondaryStatus"] in ("MaxWaitTimeExceeded", "MaxRuntimeExceeded")


def test_only_spot_jobs_are_interrupted(desk: Desk) -> None:
    name = desk.start(PATIENT)
    with pytest.raises(RuntimeError, match="no spot job"):
        desk.cloud.interrupt(name)
    desk.sagemaker.stop_training_job(TrainingJobName=name)
    desk.finish(name)
