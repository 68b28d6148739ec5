"""One host of an attempt: its folder under the container contract, and the process in it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retail_forecast.emulator.sagemaker.container import ML_ROOT

_FOLDERS = ("input/config", "input/data", "model", "output/data", "checkpoints")
_KEPT_VARIABLES = ("LANG", "PYTHONPATH", "LD_LIBRARY_PATH")


@dataclass
class Host:
    """A host, algo-1 to algo-n. `folder` holds `ml`, which the container sees as /opt/ml."""

    name: str
    index: int
    address: str
    card: str
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    _input: threading.Lock = field(default_factory=threading.Lock)

    @property
    def ml(self) -> Path:
        """The contract's folder, from the outside."""
        return self.folder / "ml"

    def lay_out(self, request: dict[str, Any], names: list[str]) -> None:
        """Writes the contract's folders and the three files of its configuration."""
        for name in _FOLDERS:
            (self.ml / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "home").mkdir()
        files = {
            "hyperparameters": request.get("HyperParameters") or {},
            "inputdataconfig": {row["ChannelName"]: _channel(row) for row in request.get("InputDataConfig") or []},
            "resourceconfig": _resources(request["ResourceConfig"], self.name, names),
        }
        for name, content in files.items():
            (self.ml / f"input/config/{name}.json").write_text(json.dumps(content), encoding="utf-8")

    def write_spec(self, hosts: list[Host], **spec: Any) -> Path:
        """Writes what the process inside needs to know, and returns the file."""
        lines = ["127.0.0.1 localhost", *(f"{host.address} {host.name}" for host in hosts)]
        hosts_file = self.folder / "hosts"
        hosts_file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        own = {"name": self.name, "address": self.address, "card": self.card, "ml": str(self.ml)}
        places = {"opt": str(self.folder / "opt"), "hosts_file": str(hosts_file)}
        cwd = str(ML_ROOT if spec["isolated"] else self.ml)
        file = self.folder / "spec.json"
        file.write_text(json.dumps(own | places | {"cwd": cwd} | spec), encoding="utf-8")
        return file

    def environment(self, *, isolated: bool) -> dict[str, str]:
        """The part of the container's environment that comes from this machine; nothing else of it does."""
        kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        root = {} if isolated else {"RETAIL_FORECAST_ML_ROOT": str(self.ml)}
        path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"
        return {"PATH": path, "HOME": str(self.folder / "home"), "PYTHONUNBUFFERED": "1", **kept, **root}

    def send(self, number: signal.Signals) -> None:
        """Gives the container a signal; one that has ended takes none."""
        if self.process and self.process.stdin:
            with self._input, suppress(BrokenPipeError, ValueError):
                self.process.stdin.write(f"{number.name}\n".encode())
                self.process.stdin.flush()

    def close(self) -> None:
        """Lets go of a process that has ended."""
        if self.process and self.process.stdin:
            with self._input, suppress(BrokenPipeError):
                self.process.stdin.close()

    def failure(self) -> str:
        """What the container wrote to output/failure, or nothing."""
        file = self.ml / "output" / "failure"
        return file.read_text(encoding="utf-8", errors="replace").strip() if file.exists() else ""


def _channel(row: dict[str, Any]) -> dict[str, str]:
    source = row["DataSource"]["S3DataSource"]
    answer = {
        "TrainingInputMode": row.get("InputMode", "File"),
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": row.get("RecordWrapperType", "None"),
    }
    return answer | ({"ContentType": row["ContentType"]} if "ContentType" in row else {})


def _resources(config: dict[str, Any], name: str, names: list[str]) -> dict[str, Any]:
    kind, group = config.get("InstanceType"), "homogeneousCluster"
    return {
        "current_host": name,
        "current_instance_type": kind,
        "current_group_name": group,
        "hosts": names,
        "instance_groups": [{"instance_group_name": group, "instance_type": kind, "hosts": names}],
        "network_interface_name": "eth0",
    }
