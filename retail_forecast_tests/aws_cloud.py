"""The emulated cloud for tests: one process for the whole session, the environment for the tests that ask for it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from retail_forecast.emulator import Cloud, run_cloud


@pytest.fixture(scope="session")
def running_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The emulator, started when the first test asks for it. The environment does not know of it."""
    folder = tmp_path_factory.mktemp("cloud")
    record = os.environ.get("AWS_CALLS_RECORD", str(folder / "calls.jsonl"))
    with run_cloud(folder, options=["--record", record, "--grace-seconds", "5", "--sync-seconds", "0.2"]) as cloud:
        yield cloud


@pytest.fixture
def aws_cloud(running_cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """The emulator, with AWS_ENDPOINT_URL and the region set for this test and what it starts."""
    for name, value in running_cloud.environment().items():
        monkeypatch.setenv(name, value)
    return running_cloud
