"""The Dockerfile's own steps in folders instead of a container: what an image holds, how large it is, how it starts.

It asks the package index, as the build of an image does, with the hashes of requirements.lock.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from retail_forecast_tests.infra.dockerfile import DOCKERFILE, ROOT, Workshop, read_stages

pytestmark = pytest.mark.slow

STAGES = read_stages(DOCKERFILE.read_text())
ENTRY = {
    "orchestrator": "retail_forecast.definitions",
    "training": "retail_forecast.training.entrypoint",
    "serving": "retail_forecast.serving.replica",
}
HELD = {
    "serving": "import xlsxwriter; from retail_forecast.serving.page.site import read_site; assert read_site().files"
}
ABSENT = {
    "orchestrator": {"fastapi-offline", "moto", "ruff", "pytest"},
    "training": {"dagster", "sagemaker", "fastapi-offline", "moto"},
    "serving": {"dagster", "dagster-pipes", "sagemaker", "boto3", "mlflow", "moto", "pandas"},
}


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Its folders are kept for all roles, which share the first stages."""
    return Workshop(STAGES, tmp_path_factory.mktemp("images"), image_python())


def image_python() -> str:
    """IMAGE_PYTHON, else python3.12 on PATH unless it is a shim that leads nowhere, else the tests' own."""
    named = os.environ.get("IMAGE_PYTHON") or shutil.which("python3.12")
    if named is None:
        return sys.executable
    asked = subprocess.run([named, "-c", "import sys; print(sys.executable)"], capture_output=True, text=True)
    return asked.stdout.strip() if asked.returncode == 0 else sys.executable


def versions(environment: Path) -> dict[str, str]:
    folders = environment.glob("lib/python*/site-packages/*.dist-info")
    names = [re.fullmatch(r"(.+)-([^-]+)\.dist-info", folder.name) for folder in folders]
    return {re.sub(r"[-_.]+", "-", name[1]).lower(): name[2] for name in names if name}


def ask(environment: Path, code: str) -> str:
    clean = {"PATH": f"{environment}/bin:/usr/bin:/bin", "HOME": str(environment), "RAY_USAGE_STATS_ENABLED": "0"}
    done = subprocess.run(
        [environment / "bin" / "python", "-c", code], env=clean, cwd=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("role", ENTRY)
def test_the_steps_of_an_image_make_an_environment_that_starts(role: str, workshop: Workshop) -> None:
    environment = workshop.assemble(role) / "opt" / "retail-forecast"
    held, locked = versions(environment), (ROOT / "requirements.lock").read_text()
    assert ABSENT[role] & set(held) == set()
    assert [name for name, version in held.items() if f"\n{name}=={version} " not in locked] == ["retail-forecast"]

    ask(environment, f"import {ENTRY[role]}")  # once, for what the page cache does
    ask(environment, HELD.get(role, ""))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ask(environment, f"import {ENTRY[role]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime  # of processor: others do not count
    size = sum(file.lstat().st_size for file in environment.rglob("*") if not file.is_symlink())
    (python,) = (folder.name for folder in (environment / "lib").iterdir())
    record(f"| {role} | {python} | {len(held) - 1} | {size / 1e6:.0f} MB | {seconds:.1f} s |")


def record(line: str) -> None:
    """The row of docs/images.md, for who runs this to put there."""
    if file := os.environ.get("IMAGES_RECORD"):
        with Path(file).open("a", encoding="utf-8") as out:
            out.write(line + "\n")
