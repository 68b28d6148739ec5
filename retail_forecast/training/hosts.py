"""The hosts that share one training job, as the container contract names them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

_FILE = "input/config/resourceconfig.json"


@dataclass(frozen=True)
class Hosts:
    """Their names, the head first, and the one that this process runs on. A job without the file has one host."""

    names: tuple[str, ...]
    here: str

    @property
    def is_head(self) -> bool:
        """Whether this host leads the others."""
        return self.here == self.names[0]

    @property
    def secret(self) -> str:
        """What all hosts of the job know, and those of other jobs do not have."""
        return os.environ.get("TRAINING_JOB_ARN", "")


def read_hosts(root: Path) -> Hosts:
    """The hosts of the job below `root`."""
    file = root / _FILE
    if not file.exists():
        return Hosts(("localhost",), "localhost")
    content = json.loads(file.read_text(encoding="utf-8"))
    # algo-2 comes before algo-10
    return Hosts(tuple(sorted(content["hosts"], key=lambda name: (len(name), name))), content["current_host"])
