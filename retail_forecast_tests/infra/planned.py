"""What Terraform would make, as `terraform test` plans it on mocked providers: real ones, or stand-ins for them."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TERRAFORM = ROOT / "terraform"
OFFLINE = ROOT.parent / "shared" / "tools" / "terraform-offline" / "setup"

Resource = dict[str, Any]


def planned(kind: str) -> dict[str, Resource]:
    """Address to arguments of every resource of that type, in production. Skips where there are no providers."""
    found = _plan()
    if isinstance(found, str):
        pytest.skip(found)
    return {one["address"]: one["change"]["after"] for one in found if one["type"] == kind and one["mode"] == "managed"}


@cache
def _plan() -> list[Resource] | str:
    """Every resource, or why there is no plan."""
    if shutil.which("terraform") is None:
        return "terraform is not on PATH"
    if OFFLINE.exists() and find_spec("grpc") is None:
        return "the stand-in providers of Terraform need the extra infra"
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(TERRAFORM, Path(folder, "terraform"), ignore=shutil.ignore_patterns(".terraform*")))
        environment = _environment(Path(folder, "providers"))
        init = _terraform(copy, environment, "init", "-backend=false", "-input=false", "-no-color")
        if init.returncode:
            assert not OFFLINE.exists(), init.stderr
            return f"terraform init finds no providers: {init.stderr.strip()[-200:]}"
        test = _terraform(copy, environment, "test", "-filter=tests/telling.tftest.hcl", "-verbose", "-json")
    lines = [json.loads(line) for line in test.stdout.splitlines()]
    plans = [one["test_plan"] for one in lines if one.get("@testrun") == "somebody_is_told" and "test_plan" in one]
    assert plans, [one["@message"] for one in lines if one["@level"] == "error"]
    changes: list[Resource] = plans[0]["resource_changes"]
    return changes


def _environment(providers: Path) -> dict[str, str]:
    """That of this process, with the stand-in providers where they lie beside the repository."""
    inherited = {key: value for key, value in os.environ.items() if key != "TF_DATA_DIR"}
    if not OFFLINE.exists():
        return inherited
    exports = subprocess.run([OFFLINE, sys.executable, providers], check=True, capture_output=True, text=True).stdout
    return {**inherited, **dict(word.split("=", 1) for word in shlex.split(exports)[1:])}


def _terraform(folder: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["terraform", f"-chdir={folder}", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
