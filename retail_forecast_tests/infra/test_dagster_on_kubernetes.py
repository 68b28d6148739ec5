"""Dagster's launcher and executor for Kubernetes, on the real graph of the tiny retailer, through the stand-in."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from retail_forecast.pipeline.arrivals import look_for_arrivals
from retail_forecast_tests.infra.cluster import Cluster, run_cluster
from retail_forecast_tests.infra.cluster.objects import Object
from retail_forecast_tests.infra.cluster.operator import NAMESPACE
from retail_forecast_tests.infra.platform import PATIENCE_SECONDS, Platform, container_environment
from retail_forecast_tests.orchestration.world import World
from retail_forecast_tests.serving.world import until

pytest.importorskip("dagster_k8s", reason="needs the extra k8s")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with run_cluster(tmp_path_factory.mktemp("cluster"), environment=container_environment()) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def platform(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The daemon runs. Three days of files have landed and were noticed; nothing is published."""
    platform = Platform(World(tmp_path_factory.mktemp("retailer") / "home"), cluster)
    platform.write_instance()
    platform.world.write_dataset()
    platform.world.deliver_all(days=3)
    look_for_arrivals(platform.world.lake, platform.world.landing, platform.world.dataset, settle_seconds=0)
    with platform.daemon():
        yield platform


def step_of(job: Object) -> str | None:
    labels: dict[str, str] = job["metadata"]["labels"]
    return labels.get("dagster/op")


def test_each_step_of_a_materialization_is_a_job(platform: Platform) -> None:
    run_id = platform.launch("publish_tables")
    assert platform.finish(run_id).status == dg.DagsterRunStatus.SUCCESS
    with platform.instance() as instance:
        steps = {one.step_key for one in instance.get_run_step_stats(run_id)}
    # a run is told to be over a moment before its process is
    until(lambda: all(job["status"].get("succeeded") == 1 for job in platform.jobs_of(run_id)))
    assert len(platform.jobs_of(run_id)) == 1 + len(steps) == 7  # two tables, and two checks of each
    assert {"prices", "stores"} <= {step_of(job) for job in platform.jobs_of(run_id)}
    assert platform.world.lake.table("stores").manifest().rows == 2


def test_a_failing_step_fails_the_run_and_what_follows_is_not_started(platform: Platform) -> None:
    run_id = platform.launch("refresh_forecasts")
    assert platform.finish(run_id).status == dg.DagsterRunStatus.FAILURE
    started = {step_of(job) for job in platform.jobs_of(run_id)}
    assert "forecasts" in started
    assert "endpoint" not in started
    with platform.instance() as instance:
        failures = [e for e in instance.all_logs(run_id) if e.dagster_event and e.dagster_event.is_step_failure]
    assert "champion" in str(failures[0].user_message) + str(failures[0].dagster_event)


def test_a_terminated_run_leaves_no_pod(platform: Platform) -> None:
    run_id = platform.launch("publish_tables")
    until(lambda: any(step_of(pod) for pod in platform.pods_of(run_id)), seconds=PATIENCE_SECONDS)
    with platform.instance() as instance:
        assert instance.run_launcher.terminate(run_id)
    assert platform.finish(run_id).status == dg.DagsterRunStatus.CANCELED
    until(lambda: not [pod for pod in platform.pods_of(run_id) if pod["status"]["phase"] == "Running"])


def test_a_killed_worker_is_noticed_and_its_run_repeated(platform: Platform, cluster: Cluster) -> None:
    run_id = platform.launch("publish_tables")
    until(lambda: platform.run(run_id).status == dg.DagsterRunStatus.STARTED, seconds=PATIENCE_SECONDS)
    (worker,) = [pod for pod in platform.pods_of(run_id) if step_of(pod) is None]
    cluster.jobs.kill(worker["metadata"]["name"])
    assert platform.finish(run_id).status == dg.DagsterRunStatus.FAILURE
    until(lambda: len(repeats_of(platform, run_id)) == 1, seconds=PATIENCE_SECONDS)
    (repeat,) = repeats_of(platform, run_id)
    assert platform.finish(repeat.run_id).status == dg.DagsterRunStatus.SUCCESS
    assert cluster.objects.select("pods", NAMESPACE, {"dagster/run-id": repeat.run_id})


def repeats_of(platform: Platform, run_id: str) -> list[dg.DagsterRun]:
    with platform.instance() as instance:
        return list(instance.get_runs(filters=dg.RunsFilter(tags={"dagster/parent_run_id": run_id})))
