"""Jobs as local processes: each has one pod, whose first container runs on this machine as if it were a node."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from retail_forecast_tests.infra.cluster.objects import Object, Objects, now

_GRACE_SECONDS = 10.0


@dataclass
class Jobs:
    """Runs the Jobs of a cluster. environment: what every container finds beside its own variables."""

    objects: Objects
    folder: Path
    environment: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self, namespace: str, job: Object) -> None:
        """Makes the Job's pod, and runs it."""
        name = f"{job['metadata']['name']}-{uuid.uuid4().hex[:5]}"
        template = job["spec"]["template"]
        labels = {**(template["metadata"].get("labels") or {}), "job-name": job["metadata"]["name"]}
        pod = {"metadata": {"name": name, "labels": labels}, "spec": template["spec"]}
        self.objects.create("pods", namespace, pod)
        self._set_job(namespace, job, {"active": 1, "startTime": now()})
        self._in_background(self._run, namespace, job, name, template["spec"]["containers"][0])

    def delete_pod(self, namespace: str, name: str) -> None:
        """SIGTERM, after the time of grace SIGKILL; the pod is gone when its process is."""
        self._in_background(self._end, namespace, name)

    def log(self, name: str) -> str:
        """What the pod printed."""
        file = self.folder / f"{name}.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def kill(self, name: str) -> None:
        """As if the pod's node had been switched off."""
        _signal(self.processes[name], signal.SIGKILL)

    def close(self) -> None:
        """Ends every process."""
        for process in list(self.processes.values()):
            _signal(process, signal.SIGKILL)
        for thread in self._threads:
            thread.join(timeout=_GRACE_SECONDS)

    def _run(self, namespace: str, job: Object, name: str, container: Object) -> None:
        own = {one["name"]: one["value"] for one in container.get("env") or [] if one.get("value") is not None}
        command = [*(container.get("command") or []), *(container.get("args") or [])]
        with (self.folder / f"{name}.log").open("wb") as log:
            process = self.processes[name] = subprocess.Popen(
                command,
                env={**self.environment, **own},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        running = {"running": {"startedAt": now()}}
        self.objects.set_status("pods", namespace, name, _pod_status("Running", container, running))
        code = process.wait()
        ended = {"terminated": {"exitCode": code % 256, "reason": "Completed" if code == 0 else "Error"}}
        phase, outcome = ("Succeeded", "succeeded") if code == 0 else ("Failed", "failed")
        self.objects.set_status("pods", namespace, name, _pod_status(phase, container, ended))
        self._set_job(namespace, job, {outcome: 1, "completionTime": now()})

    def _end(self, namespace: str, name: str) -> None:
        process = self.processes.get(name)
        if process is not None:
            _signal(process, signal.SIGTERM)
            deadline = time.monotonic() + _GRACE_SECONDS
            while process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.05)
            _signal(process, signal.SIGKILL)
        with contextlib.suppress(Exception):
            self.objects.delete("pods", namespace, name)

    def _set_job(self, namespace: str, job: Object, status: Object) -> None:
        self.objects.set_status("jobs", namespace, job["metadata"]["name"], status)

    def _in_background(self, work: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """To the container's main process; with SIGKILL, to all of its session."""
    if process.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
        if number == signal.SIGKILL:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)


def _pod_status(phase: str, container: Object, state: Object) -> Object:
    status = {
        "name": container["name"],
        "image": container.get("image", ""),
        "imageID": "",
        "ready": phase == "Running",
        "restartCount": 0,
        "state": state,
    }
    return {"phase": phase, "startTime": now(), "containerStatuses": [status]}
