"""Executables that stand for docker, helm, kubectl and others: each notes its words and does what a test says."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from retail_forecast_tests.infra.dockerfile import ROOT


@dataclass
class StandIns:
    """A folder of executables. `calls` is what was called, in its order, each as one line."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, body: str = "") -> None:
        """An executable of bash; `body` sees its words as "$@" and all of them as $all."""
        self.folder.mkdir(exist_ok=True)
        file = self.folder / name
        file.write_text(f'#!/bin/bash\nall="$*"\necho "{name} $all" >> "{self.folder}/calls"\n{body}\n')
        file.chmod(0o755)

    def run(self, command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs a command with these executables before those of the system, and no others of this machine."""
        given = {"PATH": f"{self.folder}:/usr/bin:/bin", "HOME": str(self.folder), "PYTHONPATH": str(ROOT)}
        given |= {
            "TAG": "abc123",
            "AWS_REGION": "ap-southeast-1",
            "ENVIRONMENT": "dev",
            **self.environment,
            **environment,
        }
        kept = {key: os.environ[key] for key in ("TMPDIR",) if key in os.environ}
        return subprocess.run(command, cwd=ROOT, env={**kept, **given}, capture_output=True, text=True, timeout=120)

    def script(self, name: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs one of deploy/bin."""
        return self.run([str(ROOT / "deploy" / "bin" / name), *words], **environment)

    @property
    def calls(self) -> list[str]:
        """What was called so far."""
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []

    def calls_of(self, *names: str) -> list[str]:
        """What was called of some executables."""
        return [call for call in self.calls if call.split()[0] in names]
