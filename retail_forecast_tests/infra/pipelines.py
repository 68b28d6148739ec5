"""What the pipeline files call, read out of them, and what is wrong with it."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from retail_forecast_tests.infra.dockerfile import ROOT

CI = ROOT / "deploy" / "ci"
STEPS = ["check", "test", "infra-test", "images", "scan", "push", "train-and-gate", "release"]


def commands_of(name: str, text: str) -> list[str]:
    """The shell commands of a pipeline, in their order."""
    if name == "Jenkinsfile":
        return re.findall(r"\bsh\s*\(?\s*'([^']+)'", text)
    found = yaml.safe_load(text)
    if name == ".travis.yml":
        scripts = [found["install"], *(job["script"] for job in found["jobs"]["include"])]
        return [line for script in scripts for line in (script if isinstance(script, list) else [script])]
    steps = [step for job in found["jobs"].values() for step in job["steps"]]
    return [line.strip() for step in steps if "run" in step for line in step["run"].splitlines()]


def targets() -> set[str]:
    """The targets of the Makefile and of what it includes."""
    files = [ROOT / "Makefile", *(ROOT / "deploy").glob("*.mk")]
    return {found for file in files for found in re.findall(r"^([a-z][a-z-]*):", file.read_text(), re.MULTILINE)}


def problems_of(name: str, text: str) -> list[str]:
    """What a pipeline calls that is not there, or that is not make."""
    known, found = targets(), []
    for command in commands_of(name, text):
        words = command.split()
        if words[0] == "make":
            found += [f"no target {word}" for word in words[1:] if "=" not in word and word not in known]
        elif command != "set -e":
            found.append(f"not make: {command}")
    return found + [f"no file {path}" for path in paths_of(text) if not (ROOT / path).exists()]


def paths_of(text: str) -> list[str]:
    """Files of this repository that a text names, its comments included."""
    tops = "|".join(re.escape(one.name) for one in ROOT.iterdir() if one.is_dir() and not one.name.startswith("."))
    return re.findall(rf"(?<![\w./-])((?:{tops})/[\w./-]*\w)", text)


def scripts_of_make() -> list[Path]:
    """The files that deploy.mk calls."""
    text = (ROOT / "deploy" / "deploy.mk").read_text()
    modules = [ROOT / (name.replace(".", "/") + ".py") for name in re.findall(r"-m (deploy\.\w+)", text)]
    return [*(ROOT / path for path in paths_of(text)), *modules]
