"""Load by wrk (https://github.com/wg/wrk; `apt-get install wrk`), and what it measured."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_SCRIPT = """
local asked, n = {}, 0
for line in io.lines("%(asked)s") do table.insert(asked, line) end
request = function()
  n = n %% #asked + 1
  if "%(method)s" == "GET" then return wrk.format("GET", asked[n]) end
  return wrk.format("POST", "%(path)s", {["Content-Type"] = "application/json"}, asked[n])
end
done = function(summary, latency, requests)
  local e = summary.errors
  local failed = e.connect + e.read + e.write + e.status + e.timeout
  local told = '{"requests": %%d, "seconds": %%f, "p50_ms": %%f, "p99_ms": %%f, "failed": %%d}'
  io.write(string.format("\\n" .. told .. "\\n", summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, failed))
end
"""


@dataclass(frozen=True)
class Lap:
    """One measurement: requests a second, their times in milliseconds, and how many failed."""

    per_second: float
    p50_ms: float
    p99_ms: float
    failed: int


@dataclass(frozen=True)
class Wrk:
    """wrk at `binary`, for `seconds` each time."""

    binary: str
    seconds: int

    def get(self, url: str, paths: Sequence[str], connections: int) -> Lap:
        """Asks for the paths in turn."""
        return self._run(url, paths, connections, "GET", "")

    def post(self, url: str, path: str, bodies: Sequence[str], connections: int) -> Lap:
        """Sends the bodies in turn."""
        return self._run(url, bodies, connections, "POST", path)

    def _run(self, url: str, asked: Sequence[str], connections: int, method: str, path: str) -> Lap:
        with tempfile.TemporaryDirectory(prefix="rf-wrk-") as folder:
            lines, script = Path(folder) / "asked", Path(folder) / "ask.lua"
            lines.write_text("\n".join(asked), encoding="utf-8")
            script.write_text(_SCRIPT % {"asked": lines, "method": method, "path": path}, encoding="utf-8")
            command = [self.binary, "-t1", f"-c{connections}", f"-d{self.seconds}s", "--timeout", "30s"]
            command += ["-s", str(script), url]
            out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        told = json.loads(out.splitlines()[-1])
        return Lap(told["requests"] / told["seconds"], told["p50_ms"], told["p99_ms"], told["failed"])


def find_wrk(path: str | None, seconds: int) -> Wrk:
    """wrk, from the path or PATH. Ends with how to get it where there is none."""
    binary = shutil.which(path or "wrk")
    if binary is None:
        raise SystemExit("wrk makes the load and is not installed: apt-get install wrk, or --wrk PATH.")
    return Wrk(binary, seconds)


def median(laps: Sequence[Lap]) -> Lap:
    """Of each number; of failures the sum."""
    per_second, p50, p99 = (
        statistics.median(getattr(lap, name) for lap in laps) for name in ("per_second", "p50_ms", "p99_ms")
    )
    return Lap(per_second, p50, p99, sum(lap.failed for lap in laps))
