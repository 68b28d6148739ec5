"""The demo on AWS through the command line: from files in S3 to an answer whose lineage names where it comes from."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

PERMISSIONS = Path(__file__).parents[2] / "docs" / "permissions.md"


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def rows(text: str) -> set[tuple[str, str, str]]:
    found = re.findall(r"^\| ([^|]+) \| `([^`]+)` \| `([^`]+)` \|$", text, flags=re.MULTILINE)
    return {(role, action, on) for role, action, on in found}


@pytest.mark.slow
def test_a_file_in_s3_becomes_an_answer_and_no_role_needs_more_than_is_documented(tmp_path: Path) -> None:
    ports = {f"RETAIL_FORECAST_{name}_PORT": free_port() for name in ("UI", "API", "RAY_DASHBOARD")}
    environment = {**os.environ, **ports, "RETAIL_FORECAST_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "retail_forecast", "demo-aws", "--exit"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1500)
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    assert re.search(r"S3 version +\S+", ended.stdout)
    assert re.search(r"training job +arn:aws:sagemaker:[^:]+:\d+:training-job/retail-forecast-train-", ended.stdout)
    assert re.search(
        r"model package +arn:aws:sagemaker:[^:]+:\d+:model-package/retail-forecast-corner-shop/1", ended.stdout
    )
    used = rows((tmp_path / "demo-aws" / "permissions.md").read_text(encoding="utf-8"))
    assert used
    assert used <= rows(PERMISSIONS.read_text(encoding="utf-8"))
