"""Drills under a steady load from another process, on one endpoint of two replicas; they follow one another.

Every answer is checked: its status, its vintage, and that the numbers are those that this vintage published.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from retail_forecast.errors import DeploymentError
from retail_forecast.lake import open_lake
from retail_forecast.lake.vintages import put_in_force
from retail_forecast.serving import RayServeEndpoint
from retail_forecast.serving.config import Challenger
from retail_forecast.serving.processes import HostInfo, read_info, serve_folder
from retail_forecast.serving.rollouts import Limits, Plan, RolledBackError, roll_out
from retail_forecast.serving.rollouts.plan import parse_steps
from retail_forecast.settings import Settings
from retail_forecast_tests.serving.conftest import World
from retail_forecast_tests.serving.load import Seen, steady_load
from retail_forecast_tests.serving.world import free_port, publish, until

pytestmark = pytest.mark.slow

PLAN = Plan(parse_steps("shadow,0.3,1"), 5, Limits(observations=100, disagreement=0.5, latency_ratio=20))


@pytest.fixture(scope="module")
def endpoint(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayServeEndpoint]:
    """It serves the first vintage, which is in force."""
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home, lake_url=world.lake_url, api_port=free_port(), ray_dashboard_port=free_port())
    endpoint = RayServeEndpoint(settings, timeout_seconds=600)
    put_in_force(open_lake(world.lake_url), world.first.id)
    endpoint.deploy(world.first.id)
    yield endpoint
    endpoint.stop()


@pytest.fixture
def first(endpoint: RayServeEndpoint, world: World) -> str:
    """The first vintage, which is served when a drill begins."""
    if endpoint.status().active != world.first.id or endpoint.status().state != "ready":
        endpoint.deploy(world.first.id)
    return world.first.id


def host_of(endpoint: RayServeEndpoint) -> HostInfo:
    info = read_info(serve_folder(endpoint.settings))
    assert info is not None
    return info


def replica_processes(endpoint: RayServeEndpoint) -> set[int]:
    found = set()
    for process in psutil.Process(host_of(endpoint).pid).children(recursive=True):
        try:
            if "ServeReplica" in " ".join(process.cmdline()):
                found.add(process.pid)
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


def after_some_more(seconds: float = 3) -> None:
    """The load goes on for a while after what happened."""
    time.sleep(seconds)


def test_the_vintage_is_swapped_there_and_back(endpoint: RayServeEndpoint, world: World, first: str) -> None:
    with steady_load(endpoint.settings.api_url, world.lake_url, first, world.second.id) as seen:
        for vintage in (world.second.id, first, world.second.id, first):
            endpoint.deploy(vintage)
        after_some_more()
    assert seen.failures == []
    assert seen.vintages == {first, world.second.id}


def test_a_canary_is_rolled_out_and_promoted(endpoint: RayServeEndpoint, world: World, first: str) -> None:
    with steady_load(endpoint.settings.api_url, world.lake_url, first, world.second.id) as seen:
        done = roll_out(endpoint, world.second.id, PLAN, lake_url=world.lake_url)
        after_some_more()
    assert [step.problem for step in done.steps] == [None, None, None]
    assert (seen.failures, seen.vintages) == ([], {first, world.second.id})
    assert endpoint.status().active == world.second.id


def test_a_canary_that_disagrees_is_taken_back(endpoint: RayServeEndpoint, world: World, first: str) -> None:
    plan = Plan(parse_steps("0.3"), 5, PLAN.limits)
    with steady_load(endpoint.settings.api_url, world.lake_url, first, world.doubled.id) as seen:
        with pytest.raises(RolledBackError, match=r"limit 0\.5"):
            roll_out(endpoint, world.doubled.id, plan, lake_url=world.lake_url)
        after_some_more()
    assert seen.failures == []
    assert endpoint.status().active == first
    assert {report["rollout"] for report in endpoint.observe().values()} == {None}


def test_bad_vintages_are_refused_and_the_old_one_goes_on(endpoint: RayServeEndpoint, world: World, first: str) -> None:
    lake = open_lake(world.lake_url)
    wrong = publish(lake, world.bundle, world.rows, version="7", scale=1.5)  # not what its model says
    put_in_force(lake, first)
    with steady_load(endpoint.settings.api_url, world.lake_url, first) as seen:
        for vintage in (world.broken.id, wrong.id):
            with pytest.raises(DeploymentError, match="2 of 2 replicas cannot"):
                endpoint.deploy(vintage)
            with pytest.raises(DeploymentError, match="2 of 2 replicas cannot hold it beside"):
                endpoint.challenge(Challenger(vintage=vintage, mode="canary", share=0.5))
        after_some_more()
    assert (seen.failures, seen.vintages) == ([], {first})
    assert len(replica_processes(endpoint)) == 2


def test_a_replica_is_killed(endpoint: RayServeEndpoint, world: World, first: str) -> None:
    """While sixteen connections ask as fast as they can, so that it dies with questions that it was asked."""
    before = replica_processes(endpoint)
    with steady_load(endpoint.settings.api_url, world.lake_url, first, rate=1000, connections=16) as seen:
        after_some_more()
        os.kill(min(before), signal.SIGKILL)
        until(lambda: len(replica_processes(endpoint) - before) == 1, seconds=300)
        until(lambda: len(endpoint.observe()) == 2, seconds=300)
        after_some_more()
    allowed = 0 if os.environ.get("RAY_SERVE_ENABLE_HA_PROXY") == "1" else 16  # those under way
    assert seen.told["failed"] <= allowed, seen.failures


def test_replicas_are_replaced_by_those_of_another_code(endpoint: RayServeEndpoint, world: World, first: str) -> None:
    before = replica_processes(endpoint)
    rolled = RayServeEndpoint(endpoint.settings.model_copy(update={"log_format": "json"}), timeout_seconds=600)
    with steady_load(endpoint.settings.api_url, world.lake_url, first) as seen:
        rolled.deploy(first)
        until(lambda: not replica_processes(endpoint) & before, seconds=300)
        after_some_more()
    assert seen.failures == []
    assert len(replica_processes(endpoint)) == 2


def test_the_head_is_killed_and_the_endpoint_started_again(
    endpoint: RayServeEndpoint, world: World, first: str
) -> None:
    """Without anything that remembers for it, a head takes its replicas along: the bound is a start."""
    with steady_load(endpoint.settings.api_url, world.lake_url, first) as seen:
        os.kill(host_of(endpoint).pid, signal.SIGKILL)
        until(lambda: endpoint.status().state == "down")
        assert endpoint.start().vintage == first
        after_some_more()
    assert seen.told["failed"] > 0
    assert recovered(seen)


def recovered(seen: Seen) -> bool:
    """Whether answers came after the longest time without one."""
    return bool(seen.told["vintages"]) and seen.told["longest_gap_s"] < 300


def test_nothing_is_left_behind(endpoint: RayServeEndpoint) -> None:
    scratch = Path(host_of(endpoint).scratch)
    assert endpoint.stop()
    assert not scratch.exists()
