"""The emulator's process: it is reached by the environment alone, and ends with whoever started it."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from retail_forecast.aws import aws_client
from retail_forecast.emulator import Cloud, CloudNotStartedError, run_cloud


def test_clients_find_the_cloud_by_the_environment(aws_cloud: Cloud) -> None:
    bucket = aws_cloud.new_bucket()
    aws_client("s3", region=aws_cloud.region).put_object(Bucket=bucket, Key="a b", Body=b"1")
    assert aws_cloud.client("s3").get_object(Bucket=bucket, Key="a b")["Body"].read() == b"1"


def test_only_tests_that_ask_for_the_cloud_see_it(running_cloud: Cloud) -> None:
    assert "AWS_ENDPOINT_URL" not in os.environ


def test_the_port_is_free_again_after_the_end(tmp_path: Path) -> None:
    with run_cloud(tmp_path) as cloud:
        port = urlsplit(cloud.endpoint_url).port
    with socket.socket() as sock:
        assert sock.connect_ex(("127.0.0.1", port)) != 0


def test_a_cloud_that_does_not_start_shows_its_log(tmp_path: Path) -> None:
    with (
        pytest.raises(CloudNotStartedError, match="unrecognized arguments: --nonsense"),
        run_cloud(tmp_path, options=["--nonsense"]),
    ):
        raise AssertionError("it started")
