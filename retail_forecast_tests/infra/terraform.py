"""The real terraform on copies of `terraform/`: with the real providers, or with stand-ins that know their schemas.

  python -m retail_forecast_tests.infra.terraform      format, init, validate and every suite, as `make infra-test` does

The stand-ins lie beside some checkouts, at ../shared. Elsewhere the real providers are fetched once, below .venv.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "terraform"
STAND_INS = ROOT.parent / "shared" / "tools" / "terraform-offline" / "setup"
FETCHED = ROOT / ".venv" / "terraform"
MIRROR = 'provider_installation {\n  filesystem_mirror { path = "%s" }\n}\n'


@dataclass(frozen=True)
class Terraform:
    """A folder with configuration, and the environment that says where providers are."""

    folder: Path
    environment: dict[str, str]

    def run(self, *arguments: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        """`terraform ARGUMENTS` in the folder."""
        command = ["terraform", f"-chdir={self.folder}", *arguments]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False, timeout=timeout
        )

    def plan_of(self, suite: str, run: str, *options: str) -> dict[str, Any]:
        """What a run of a test suite plans, as Terraform's JSON has it."""
        ended = self.run("test", f"-filter=tests/{suite}.tftest.hcl", "-verbose", "-json", *options)
        lines = [json.loads(line) for line in ended.stdout.splitlines()]
        plans = [line["test_plan"] for line in lines if line.get("@testrun") == run and "test_plan" in line]
        if not plans:
            raise AssertionError([line["@message"] for line in lines if line["@level"] == "error"])
        plan: dict[str, Any] = plans[0]
        return plan

    def copy_to(self, folder: Path) -> Terraform:
        """The same configuration elsewhere, initialised already."""
        return Terraform(Path(shutil.copytree(self.folder, folder, symlinks=True)), self.environment)


def missing_source() -> str | None:
    """Why Terraform cannot be run here, or None."""
    if shutil.which("terraform") is None:
        return "terraform is not on PATH"
    if STAND_INS.exists():
        absent = [name for name in ("grpc", "msgpack") if find_spec(name) is None]
        return f"the stand-in providers need {absent[0]}: make install EXTRAS=infra" if absent else None
    if not (FETCHED / "mirror").exists():
        return "no provider of AWS is at hand: make infra-test fetches it, where the network lets it"
    return None


@cache
def prepared(root: str = ".") -> Terraform:
    """The root module (or one of the folders below) in a temporary folder of this process, initialised."""
    scratch = Path(_scratch().name)
    copy = scratch / "roots" / (Path(root).name or "main")
    shutil.copytree(SOURCE / root, copy, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
    terraform = Terraform(copy, _environment(scratch))
    ended = terraform.run("init", "-backend=false", "-input=false", "-no-color")
    if ended.returncode:
        raise AssertionError(ended.stderr)
    return terraform


@cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="terraform-")


@cache
def _environment(scratch: Path) -> dict[str, str]:
    settings = {**os.environ, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}
    settings.pop("TF_DATA_DIR", None)
    if STAND_INS.exists():
        exports = subprocess.run([STAND_INS, sys.executable, scratch], check=True, capture_output=True, text=True)
        return settings | dict(word.split("=", 1) for word in shlex.split(exports.stdout)[1:])
    configuration = scratch / "terraform.rc"
    configuration.write_text(MIRROR % (FETCHED / "mirror"))
    return settings | {"TF_CLI_CONFIG_FILE": str(configuration)}


def fetch() -> None:
    """The real providers into .venv/terraform, unless they are there or stand-ins are; says so where it cannot."""
    if STAND_INS.exists() or (FETCHED / "mirror").exists() or shutil.which("terraform") is None:
        return
    aside = FETCHED / "fetching"
    command = ["terraform", f"-chdir={SOURCE}", "providers", "mirror", str(aside)]
    if subprocess.run(command, check=False).returncode == 0:
        aside.rename(FETCHED / "mirror")


def main() -> int:
    """Format, init, validate and test; each step's own output. Without providers, says what was left out."""
    fetch()
    if reason := missing_source():
        print(f"Terraform is left out: {reason}.", file=sys.stderr)  # noqa: T201 - a command of make
        return 0
    for root in (".", "bootstrap"):
        terraform = prepared(root)
        for step in ("fmt -check -recursive", "validate", "test"):
            print(f"terraform -chdir={Path('terraform', root)} {step}", flush=True)  # noqa: T201
            command = ["terraform", f"-chdir={terraform.folder}", *step.split()]
            if code := subprocess.run(command, env=terraform.environment, check=False).returncode:
                return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
