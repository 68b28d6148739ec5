"""The endpoint for real: one Ray host for the module; its tests follow one another on it, as on a day in its life."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from retail_forecast.errors import ConfigurationError, DeploymentError
from retail_forecast.lake import open_lake
from retail_forecast.lake.vintages import put_in_force
from retail_forecast.serving import RayServeEndpoint
from retail_forecast.serving.processes import read_info, serve_folder
from retail_forecast.settings import Settings
from retail_forecast_tests.serving.conftest import World
from retail_forecast_tests.serving.endpoint_contract import EndpointContract
from retail_forecast_tests.serving.world import free_port, until


@pytest.fixture(scope="module")
def endpoint(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayServeEndpoint]:
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home, lake_url=world.lake_url, api_port=free_port(), ray_dashboard_port=free_port())
    endpoint = RayServeEndpoint(settings)
    assert endpoint.status().state == "down"
    yield endpoint
    endpoint.stop()


@pytest.fixture(scope="module")
def url(endpoint: RayServeEndpoint, world: World) -> str:
    """The endpoint serving the first vintage."""
    deployment = endpoint.deploy(world.first.id)
    assert (deployment.vintage, deployment.model_version, deployment.replicas) == (world.first.id, "1", 2)
    return deployment.url


class TestOnThisMachine(EndpointContract):
    """The contract, kept by Ray Serve on this machine."""


def test_what_was_wanted_and_is_not_served_shows_in_the_status(
    endpoint: RayServeEndpoint, world: World, url: str
) -> None:
    with pytest.raises(DeploymentError, match="cannot be read"):
        endpoint.deploy(world.broken.id)
    status = endpoint.status()
    assert (status.state, status.wanted, status.active) == ("degraded", world.broken.id, world.second.id)


def command_of(process: psutil.Process) -> str:
    """The command line; nothing of a process that ends just now."""
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""


def test_a_killed_replica_comes_back_with_what_was_served(endpoint: RayServeEndpoint, world: World, url: str) -> None:
    info = read_info(serve_folder(endpoint.settings))
    assert info is not None
    host = psutil.Process(info.pid)

    def replicas() -> set[int]:
        return {one.pid for one in host.children(recursive=True) if "ServeReplica" in command_of(one)}

    before = replicas()
    assert len(before) == 2
    os.kill(min(before), signal.SIGKILL)
    until(lambda: len(replicas() - before) == 1)
    # the wanted vintage is still the broken one, so the new replica can only answer from the fallback
    answers: dict[str, str] = {}

    def both_answer() -> bool:
        report = httpx.get(f"{url}/readyz", trust_env=False, timeout=30).json()
        answers[report["replica"]] = report["active"]
        return len(answers) == 2

    until(both_answer)
    assert set(answers.values()) == {world.second.id}


def test_nothing_listens_beyond_loopback(endpoint: RayServeEndpoint, url: str) -> None:
    info = read_info(serve_folder(endpoint.settings))
    assert info is not None
    assert info.haproxy == (sys.platform == "linux")
    pids = {info.pid, *(one.pid for one in psutil.Process(info.pid).children(recursive=True))}
    listening = [one for one in psutil.net_connections("tcp") if one.status == psutil.CONN_LISTEN and one.pid in pids]
    addresses = [one.laddr for one in listening if one.laddr]
    assert info.api_port in {address.port for address in addresses}
    assert {address.ip.removeprefix("::ffff:") for address in addresses} <= {"127.0.0.1", "::1"}


@pytest.mark.skipif(sys.platform != "linux", reason="behind Ray's own proxy replicas have no HTTP server")
def test_lookups_are_answered_before_serve_numbers_the_request(endpoint: RayServeEndpoint, url: str) -> None:
    ids = [httpx.get(f"{url}{path}").headers["x-request-id"] for path in ("/v1/forecasts/S1/milk", "/v1/stores")]
    assert ["-" in one for one in ids] == [False, True]  # ours are 32 digits, Serve's have dashes


def test_the_same_home_is_not_served_on_two_ports(endpoint: RayServeEndpoint, world: World, url: str) -> None:
    other = RayServeEndpoint(endpoint.settings.model_copy(update={"api_port": free_port()}))
    with pytest.raises(ConfigurationError, match="RETAIL_FORECAST_API_PORT"):
        other.deploy(world.first.id)


def test_a_killed_host_is_no_obstacle_to_the_next_start(endpoint: RayServeEndpoint, world: World, url: str) -> None:
    info = read_info(serve_folder(endpoint.settings))
    assert info is not None
    os.kill(info.pid, signal.SIGKILL)
    until(lambda: endpoint.status().state == "down")
    put_in_force(open_lake(world.lake_url), world.first.id)
    deployment = endpoint.start()
    assert deployment.vintage == world.first.id
    assert session_of(info.pid) == []
    assert not Path(info.scratch).exists()


def test_stopping_leaves_no_process_and_no_files(endpoint: RayServeEndpoint, url: str) -> None:
    info = read_info(serve_folder(endpoint.settings))
    assert info is not None
    assert endpoint.stop()
    assert session_of(info.pid) == []
    assert not Path(info.scratch).exists()
    left = {file.name for file in serve_folder(endpoint.settings).iterdir()}
    assert left - {"scale.json"} == {"lock", "host.log"}  # a scale that was asked for outlives a restart
    assert endpoint.status().state == "down"
    assert not endpoint.stop()


def session_of(pid: int) -> list[int]:
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == pid and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except (psutil.NoSuchProcess, ProcessLookupError):
            continue
    return found


@pytest.mark.filterwarnings("ignore::pydantic.PydanticDeprecatedSince20")  # Ray's own models
def test_the_configuration_has_only_keys_that_ray_knows() -> None:
    from ray.serve.schema import ServeDeploySchema

    from retail_forecast.serving.config import UserConfig, build_serve_config

    config = build_serve_config(UserConfig(), host="127.0.0.1", port=8000, replicas=2, environment={"A": "b"})
    ours = config.model_dump(exclude_none=True)
    theirs = ServeDeploySchema.model_validate(ours).model_dump(exclude_unset=True)
    assert theirs["applications"][0]["deployments"][0].keys() == ours["applications"][0]["deployments"][0].keys()
    assert theirs["http_options"].keys() == ours["http_options"].keys()
    assert theirs["applications"][0].keys() == ours["applications"][0].keys()
