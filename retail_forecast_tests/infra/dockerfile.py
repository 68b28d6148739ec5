"""A Dockerfile read into stages, and its steps of installation carried out without Docker in folders of their own."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy" / "docker" / "Dockerfile"


@dataclass(frozen=True)
class Stage:
    """One FROM with the instructions below it, as (keyword, rest of the line)."""

    name: str
    base: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, keyword: str) -> list[str]:
        """What follows each instruction of that name."""
        return [rest for word, rest in self.instructions if word == keyword]


def read_stages(text: str) -> dict[str, Stage]:
    """The stages by name, in their order; "" holds what stands above the first FROM."""
    stages = {"": Stage("", "")}
    stage = stages[""]
    for line in re.sub(r"\\\n", " ", _without_comments(text)).splitlines():
        keyword, _, rest = line.strip().partition(" ")
        if keyword == "FROM":
            base, _, name = rest.partition(" AS ")
            stage = stages[name] = Stage(name, base)
        elif keyword:
            stage.instructions.append((keyword, re.sub(r"\s+", " ", rest).strip()))
    return stages


def lineage(stages: dict[str, Stage], name: str) -> list[Stage]:
    """The stage and those it is built from, the first of them first."""
    stage = stages[name]
    return [*(lineage(stages, stage.base) if stage.base in stages else []), stage]


def _without_comments(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


@dataclass(frozen=True)
class Workshop:
    """Folders that stand for the root file systems of stages. `python` stands for the base image's python3."""

    stages: dict[str, Stage]
    folder: Path
    python: str = sys.executable

    def build(self, name: str) -> Path:
        """Carries out COPY and RUN of a stage and of those below it; the folder that stands for its root."""
        root = self.folder / name
        if not root.exists():
            base = self.stages[name].base
            if base in self.stages:
                shutil.copytree(self.build(base), root, symlinks=True)
            root.mkdir(exist_ok=True)
            for keyword, rest in self.stages[name].instructions:
                if keyword == "COPY":
                    self._copy(root, rest)
                elif keyword == "RUN":
                    self._run(root, self._environment(name), re.sub(r"--mount=\S+ ", "", rest))
        return root

    def assemble(self, name: str) -> Path:
        """Carries out what a stage copies, and nothing that needs the rights of root; the folder of its root."""
        root = self.folder / name
        for rest in self.stages[name].all("COPY"):
            self._copy(root, rest)
        return root

    def _copy(self, root: Path, rest: str) -> None:
        words = shlex.split(rest)
        source = self.build(words.pop(0).removeprefix("--from=")) if words[0].startswith("--from=") else ROOT
        *names, target = words
        into = root / target.lstrip("/") if target.startswith("/") else root / "build" / target
        for name in names:
            found = source / name.lstrip("/")
            if found.is_dir():
                ignore = shutil.ignore_patterns("__pycache__")
                shutil.copytree(found, into, symlinks=True, dirs_exist_ok=True, ignore=ignore)
            else:
                into.mkdir(parents=True, exist_ok=True)
                shutil.copy2(found, into / found.name)

    def _run(self, root: Path, environment: dict[str, str], command: str) -> None:
        (root / "build").mkdir(exist_ok=True)
        for script in (root / "build").glob("install-*"):
            script.write_text(self._here(root, script.read_text()))
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self._here(root, command)],
            cwd=root / "build",
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"

    def _here(self, root: Path, text: str) -> str:
        """Absolute paths of the image become paths below `root`, each once."""
        return re.sub(r"(?<![\w/.-])/(build|opt/retail-forecast)\b", rf"{root}/\1", text)

    def _environment(self, name: str) -> dict[str, str]:
        foreign = re.compile("PYTHON|VIRTUAL_ENV|PROXY")  # the tests' own, which let nothing leave the machine
        given = {key: value for key, value in os.environ.items() if not foreign.search(key)}
        for stage in lineage(self.stages, name):
            for rest in stage.all("ENV"):
                given |= dict(pair.split("=", 1) for pair in shlex.split(rest) if not pair.startswith("PATH="))
        return {**given, "PATH": f"{Path(self.python).parent}:{os.environ['PATH']}"}
