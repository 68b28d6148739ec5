from __future__ import annotations

import os
import socket
import subprocess
from dataclasses import replace
from pathlib import Path
from subprocess import PIPE
from typing import Any

import psutil
import pytest

from retail_forecast.errors import ConfigurationError
from retail_forecast.serving.config import UserConfig, build_serve_config, check_serve_config
from retail_forecast.serving.ports import require_free_port
from retail_forecast.serving.processes import (
    INFO,
    TOKEN,
    HostInfo,
    end_leftovers,
    environment_of_host,
    running_host,
    stop_host,
    write_info,
)
from retail_forecast.settings import load_settings
from retail_forecast_tests.serving.world import until


def test_a_port_in_use_is_named_with_its_setting() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"RETAIL_FORECAST_API_PORT: found {port}"):
            require_free_port("127.0.0.1", port, setting="RETAIL_FORECAST_API_PORT")


def test_an_api_with_a_profile_of_its_own_does_not_inherit_the_credentials_of_who_starts_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_REGION", "RAY_ADDRESS"):
        monkeypatch.setenv(name, "writer's")
    own = environment_of_host(load_settings(serving_aws_profile="reader"))
    kept = {name: value for name, value in own.items() if name.startswith("AWS_") and value == "writer's"}
    assert (own["AWS_PROFILE"], kept, "RAY_ADDRESS" in own) == ("reader", {"AWS_REGION": "writer's"}, False)
    assert environment_of_host(load_settings())["AWS_ROLE_ARN"] == "writer's"


def host(pid: int, scratch: Path) -> HostInfo:
    return HostInfo(pid, 1.0, str(scratch), "127.0.0.1", 8000, 8265, ready=True)


def test_what_a_dead_host_left_is_removed(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    write_info(tmp_path, host(2**22 - 3, scratch))
    (tmp_path / TOKEN).write_text("secret")
    assert running_host(tmp_path) is None
    end_leftovers(tmp_path)
    assert not scratch.exists()
    assert {file.name for file in tmp_path.iterdir()} == set()


def test_a_process_that_only_has_the_number_of_an_old_host_is_left_alone(tmp_path: Path) -> None:
    write_info(tmp_path, host(os.getpid(), tmp_path / "none"))
    assert not stop_host(tmp_path)
    assert not (tmp_path / INFO).exists()


def test_a_session_that_cannot_be_seen_is_nobody_s(tmp_path: Path) -> None:
    write_info(tmp_path, host(0, tmp_path / "none"))
    assert not stop_host(tmp_path)
    assert not (tmp_path / INFO).exists()


def test_what_a_killed_host_started_is_ended_also_while_it_is_a_zombie(tmp_path: Path) -> None:
    with subprocess.Popen(
        ["sh", "-c", "sleep 300 & echo $!; exec sleep 300"], stdout=PIPE, start_new_session=True
    ) as p:
        assert p.stdout is not None
        child = psutil.Process(int(p.stdout.readline()))
        started = psutil.Process(p.pid).create_time()
        write_info(tmp_path, replace(host(p.pid, tmp_path / "none"), started_at=started))
        p.kill()
        until(lambda: psutil.Process(p.pid).status() == psutil.STATUS_ZOMBIE)
        assert running_host(tmp_path) is None
        end_leftovers(tmp_path)
        until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_a_damaged_host_file_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / INFO).write_text('{"pid": 1')
    assert running_host(tmp_path) is None
    end_leftovers(tmp_path)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"proxy": "HeadOnly"}, "serve config.proxy"),
        ({"http_options": {"hosts": "127.0.0.1"}}, "serve config.http_options.hosts"),
        ({"applications": [{"deployments": [{"num_replica": 2}]}]}, "applications.0.deployments.0.num_replica"),
        ({"applications": [{"deployments": [{"user_config": {"vintag": ""}}]}]}, "user_config.vintag"),
        ({"applications": [{"deployments": [{"num_replicas": 0}]}]}, "num_replicas"),
    ],
)
def test_the_serve_configuration_refuses_what_ray_would_ignore(change: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigurationError, match=key):
        check_serve_config(change)


def test_a_configuration_survives_the_way_through_json() -> None:
    config = build_serve_config(UserConfig(vintage="v"), host="127.0.0.1", port=8001, replicas=3, environment={})
    assert check_serve_config(config.model_dump(mode="json")) == config


def test_a_range_of_replicas_is_left_to_serve_to_scale() -> None:
    config = build_serve_config(UserConfig(), host="127.0.0.1", port=8001, replicas=(1, 4), environment={})
    (deployment,) = config.applications[0].deployments
    scaling = deployment.autoscaling_config
    assert deployment.num_replicas is None
    assert scaling is not None
    assert (scaling.min_replicas, scaling.max_replicas) == (1, 4)
