"""A line of JSON for each call, so that it can be seen which role needs which permission."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

from retail_forecast.emulator.calls import Call


class Recorder:
    """Appends calls to a file, or to none."""

    def __init__(self, file: Path | None) -> None:
        self.file = file
        self._lock = threading.Lock()

    def add(self, call: Call) -> None:
        """Records the call, and iam:PassRole beside a call that hands a role on."""
        if self.file is None:
            return
        self._append(call, call.permission, call.resource)
        role = call.parameters.get("RoleArn")
        if role and call.service != "sts":
            self._append(call, "iam:PassRole", str(role))

    def read(self) -> list[dict[str, Any]]:
        """All calls so far, oldest first."""
        if self.file is None or not self.file.exists():
            return []
        return [json.loads(line) for line in self.file.read_text(encoding="utf-8").splitlines()]

    def _append(self, call: Call, permission: str, resource: str | None) -> None:
        row = {
            "time": round(time.time(), 3),
            "principal": call.principal,
            "service": call.service,
            "action": call.action,
            "permission": permission,
            "resource": resource,
            "region": call.region,
        }
        if self.file:
            with self._lock, self.file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
