"""A steady load from a process of its own (benchmarks/asking.py), and what it saw."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

ROOT = Path(__file__).parents[2]


@dataclass
class Seen:
    """What the client printed, once it has ended."""

    told: dict[str, Any] = field(default_factory=dict)

    @property
    def failures(self) -> list[str]:
        """The first failed requests."""
        return list(self.told["examples"])

    @property
    def vintages(self) -> set[str]:
        """Those that answered."""
        return set(self.told["vintages"])


@contextmanager
def steady_load(url: str, lake_url: str, *vintages: str, rate: float = 60, connections: int = 4) -> Iterator[Seen]:
    """Questions at that rate at most, of which each answer has to be what one of the vintages published."""
    command = [sys.executable, "-m", "benchmarks.asking", "--url", url, "--lake", lake_url]
    command += ["--vintages", ",".join(vintages), "--rate", str(rate), "--connections", str(connections)]
    command += ["--scenario", '{"sell_price": 1.5}']
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    seen = Seen()
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "asking\n"
        yield seen
    finally:
        out, _ = process.communicate(timeout=120)
        seen.told = json.loads(out)
        logger.info("%s", json.dumps(seen.told))
