"""The client against the emulated cloud: real jobs, real S3 and CloudWatch clients."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from retail_forecast.emulator import Cloud
from retail_forecast_tests.orchestration.pipes_sagemaker.launch import launch

WAIT_SECONDS = 120


@dataclass(frozen=True)
class Bench:
    """A bucket, a name that no other job has, and the instance that runs are recorded in.

    events: receives the event log of runs elsewhere.
    """

    cloud: Cloud
    bucket: str
    name: str
    instance: dg.DagsterInstance
    events: Path

    def launch(self, what: str) -> dg.ExecuteInProcessResult:
        """The asset, in this process."""
        return launch(self.bucket, self.name, what, instance=self.instance)

    def launch_elsewhere(self, what: str) -> subprocess.Popen[bytes]:
        """The asset in a process of its own, once its job is under way."""
        module = "retail_forecast_tests.orchestration.pipes_sagemaker.launch"
        with self.events.open("wb") as events:
            process = subprocess.Popen([sys.executable, "-m", module, self.bucket, self.name, what], stderr=events)
        wait_for(lambda: self.lines() or process.poll() is not None)
        assert process.poll() is None
        return process

    def say_go(self) -> None:
        """Lets a job that waits go on."""
        self.cloud.client("s3").put_object(Bucket=self.bucket, Key=f"pipes/{self.name}/go", Body=b"")

    def jobs(self) -> dict[str, str]:
        """Name to status of the jobs of that name, further attempts included."""
        found = self.cloud.client("sagemaker").list_training_jobs(NameContains=self.name)["TrainingJobSummaries"]
        return {one["TrainingJobName"]: one["TrainingJobStatus"] for one in found}

    def lines(self) -> list[str]:
        """The job's log in CloudWatch."""
        logs, group = self.cloud.client("logs"), "/aws/sagemaker/TrainingJobs"
        if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            return []
        streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{self.name}/")["logStreams"]
        pages = [logs.get_log_events(logGroupName=group, logStreamName=one["logStreamName"]) for one in streams]
        return [event["message"] for page in pages for event in page["events"]]

    def said(self, result: dg.ExecuteInProcessResult) -> list[str]:
        """The messages of a run's event log."""
        return [entry.user_message for entry in self.instance.all_logs(result.run_id)]


@pytest.fixture
def bench(aws_cloud: Cloud, tmp_path: Path) -> Iterator[Bench]:
    name = f"small-{uuid.uuid4().hex[:8]}"
    with dg.DagsterInstance.ephemeral() as instance:
        yield Bench(aws_cloud, aws_cloud.new_bucket("pipes"), name, instance, tmp_path / "events.log")


def wait_for(condition: Callable[[], Any]) -> Any:
    until = time.monotonic() + WAIT_SECONDS
    while not (found := condition()):
        assert time.monotonic() < until, f"{condition} did not hold within {WAIT_SECONDS} s"
        time.sleep(0.1)
    return found


def metadata_of(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    (event,) = result.get_asset_materialization_events()
    return {name: value.value for name, value in event.materialization.metadata.items()}


def test_what_a_job_tells_becomes_metadata_log_and_compute_log(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    result = bench.launch("report")
    shown = metadata_of(result)
    assert shown["error"] == 0.25
    assert shown["job ARN"].endswith(f":training-job/{bench.name}")
    assert shown["job"].startswith("https://ap-southeast-1.console.aws.amazon.com/sagemaker/")
    assert (shown["instance type"], shown["instances"]) == ("ml.m5.large", 1)
    assert shown["billed seconds"] > 0
    assert "the job is under way" in bench.said(result)
    assert "a line of the log\n" in capfd.readouterr().out


def test_a_run_that_asks_again_starts_no_second_job_and_hears_the_same(bench: Bench) -> None:
    first, second = metadata_of(bench.launch("report")), metadata_of(bench.launch("report"))
    assert first == second
    assert bench.jobs() == {bench.name: "Completed"}


def test_the_job_of_a_run_that_was_killed_is_found_again(bench: Bench) -> None:
    process = bench.launch_elsewhere("wait")
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert bench.jobs() == {bench.name: "InProgress"}
    bench.say_go()
    result = bench.launch("wait")
    assert metadata_of(result)["error"] == 0.25
    assert any("no second one is started" in line for line in bench.said(result))
    assert "the job is under way" in bench.said(result)
    assert bench.jobs() == {bench.name: "Completed"}


@pytest.mark.slow
def test_a_cancelled_run_stops_its_job_and_the_next_run_makes_another_attempt(bench: Bench) -> None:
    process = bench.launch_elsewhere("wait")
    process.send_signal(signal.SIGINT)
    process.wait(timeout=WAIT_SECONDS)
    wait_for(lambda: bench.jobs() == {bench.name: "Stopped"})
    result = bench.launch("report")
    assert metadata_of(result)["job ARN"].endswith(f"/{bench.name}-2")
    assert bench.jobs() == {bench.name: "Stopped", f"{bench.name}-2": "Completed"}


@pytest.mark.slow
def test_a_spot_job_that_is_interrupted_tells_what_it_did_before_and_after(bench: Bench) -> None:
    process = bench.launch_elsewhere("wait")
    bench.cloud.interrupt(bench.name)
    wait_for(lambda: len(bench.lines()) > 1)
    bench.say_go()
    assert process.wait(timeout=WAIT_SECONDS) == 0
    events = bench.events.read_text()
    assert events.count("the job is under way") == 2
    assert "did not receive" not in events
    assert "unexpected message" not in events
    assert metadata_of(bench.launch("wait"))["error"] == 0.25


def test_a_failed_job_fails_the_asset_with_the_reason_that_the_job_gave(bench: Bench) -> None:
    result = bench.launch("fail")
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert "failed: the oven is cold" in str(failure.step_failure_data.error)


@pytest.mark.parametrize(
    ("code", "message"),
    [("ResourceLimitExceeded", "Ask for a higher quota"), ("AccessDeniedException", "Grant this action to the role")],
)
def test_a_job_that_may_not_be_started_says_what_to_do(bench: Bench, code: str, message: str) -> None:
    bench.cloud.plan_fault("sagemaker", "CreateTrainingJob", code)
    (failure,) = [event for event in bench.launch("report").all_events if event.is_step_failure]
    assert message in str(failure.step_failure_data.error)
    assert bench.jobs() == {}


@pytest.mark.slow
def test_polls_that_fail_for_a_while_do_not_end_the_run(bench: Bench) -> None:
    process = bench.launch_elsewhere("wait")
    for service, action in (("sagemaker", "DescribeTrainingJob"), ("logs", "GetLogEvents")):
        bench.cloud.plan_fault(service, action, "ThrottlingException", times=6)
    bench.say_go()
    assert process.wait(timeout=WAIT_SECONDS) == 0
    bench.cloud.clear_faults()
    assert bench.jobs() == {bench.name: "Completed"}
