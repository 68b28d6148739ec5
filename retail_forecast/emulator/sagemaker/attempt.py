"""One attempt at a training job: hosts are made, run to an end, and what they left is kept."""

from __future__ import annotations

import logging
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retail_forecast.emulator.sagemaker.access import RoleSession
from retail_forecast.emulator.sagemaker.errors import JobFailedError
from retail_forecast.emulator.sagemaker.files import CheckpointSync, download_channel, failing_as, upload_archive
from retail_forecast.emulator.sagemaker.host import Host
from retail_forecast.emulator.sagemaker.images import Images
from retail_forecast.emulator.sagemaker.job import TrainingJob
from retail_forecast.emulator.sagemaker.logs import LogStream, MetricReader, follow
from retail_forecast.emulator.sagemaker.network import HostNetwork

_LOG = logging.getLogger(__name__)
_KILLED_CODE = 128 + signal.SIGKILL
KILLED = "Killed"
"""The order to end without grace."""


@dataclass
class World:
    """What all jobs of an emulator share.

    grace_seconds: from SIGTERM to SIGKILL, two minutes on AWS. capacity_seconds: how long an interrupted job waits.
    """

    folder: Path
    cloud_port: int
    cloud_socket: Path
    images: Images
    network: HostNetwork
    grace_seconds: float = 120.0
    sync_seconds: float = 1.0
    capacity_seconds: float = 0.0
    interrupt_spot_after_seconds: float | None = None

    def change(self, **settings: float | None) -> None:
        """Sets what may change while the emulator runs: the fields named after seconds."""
        for name, value in settings.items():
            if not name.endswith("_seconds") or not hasattr(self, name):
                raise ValueError(f"there is no setting {name}")
            setattr(self, name, value)


@dataclass
class Attempt:
    """An attempt. `events` brings (host, exit code) of hosts that ended, and (None, why) of orders to end."""

    world: World
    job: TrainingJob
    role: RoleSession
    number: int
    events: queue.Queue[tuple[Host | None, Any]]
    hosts: list[Host] = field(default_factory=list)
    syncs: list[CheckpointSync] = field(default_factory=list)
    _followers: list[threading.Thread] = field(default_factory=list)

    def run(self, deadline: float) -> str:
        """Runs until all hosts have ended well ("Completed"), or for another reason, which is returned.

        Raises JobFailedError when a host fails.
        """
        command = self.world.images.command(self.job.request["AlgorithmSpecification"], self.job.request["RoleArn"])
        self.job.enter("Downloading")
        self._prepare()
        self.job.enter("Training")
        done = threading.Event()
        syncing = threading.Thread(target=self._sync_until, args=(done,), daemon=True)
        try:
            for host in self.hosts:
                self._start(host, command)
            syncing.start()
            return self._await(deadline)
        finally:
            self._send(signal.SIGKILL)
            for follower in self._followers:
                follower.join()
            done.set()
            if syncing.ident:
                syncing.join()

    def upload_results(self) -> None:
        """Packs the model and the other output of all hosts."""
        s3, kms = self.role.client("s3"), self.job.request["OutputDataConfig"].get("KmsKeyId")
        for part, name in (("model", "model"), ("output/data", "output")):
            upload_archive(s3, [host.ml / part for host in self.hosts], f"{self.job.output_prefix}/{name}.tar.gz", kms)

    def _prepare(self) -> None:
        request, count = self.job.request, int(self.job.request["ResourceConfig"].get("InstanceCount", 1))
        if count > 1 and not self.world.network.isolated:
            raise JobFailedError(f"ClientError: {count} instances need Linux namespaces, which this machine has not.")
        names = [f"algo-{number}" for number in range(1, count + 1)]
        s3, checkpoints = self.role.client("s3"), request.get("CheckpointConfig")
        for index, name in enumerate(names):
            number = self.world.network.next_number()
            folder = self.world.folder / self.job.name / f"attempt-{self.number}" / name
            host = Host(name, index, self.world.network.address(number), f"host{number}", folder)
            host.lay_out(request, names)
            for channel in request.get("InputDataConfig") or []:
                target = host.ml / "input/data" / channel["ChannelName"]
                download_channel(s3, channel, target, host=index, hosts=count)
            if checkpoints:
                self.syncs.append(CheckpointSync(s3, host.ml / "checkpoints", checkpoints["S3Uri"]))
                self.syncs[-1].restore()
            self.hosts.append(host)

    def _start(self, host: Host, command: list[str]) -> None:
        isolated, request = self.world.network.isolated, self.job.request
        job = {"TRAINING_JOB_NAME": self.job.name, "TRAINING_JOB_ARN": self.job.arn}
        own = host.environment(isolated=isolated) | self.role.environment() | job
        spec_file = host.write_spec(
            self.hosts,
            command=command,
            environment=own | (request.get("Environment") or {}),
            isolated=isolated,
            switch=self.world.network.switch_pid() if isolated else None,
            cloud_port=self.world.cloud_port,
            cloud_socket=str(self.world.cloud_socket),
        )
        host.process = self.world.network.start_host(spec_file)
        follower = threading.Thread(target=self._follow, args=(host, host.process), daemon=True)
        follower.start()
        self._followers.append(follower)

    def _follow(self, host: Host, process: subprocess.Popen[bytes]) -> None:
        """Reads the host's output to its end, then tells how it ended."""
        definitions = self.job.request["AlgorithmSpecification"].get("MetricDefinitions") or []
        metrics = MetricReader(definitions)
        stream = LogStream(self.role.client("logs"), f"{self.job.name}/{host.name}-{int(time.time())}")
        if process.stdout:
            follow(process.stdout, stream, metrics)
            process.stdout.close()
        code = process.wait()
        host.close()
        self.job.metrics |= metrics.found
        self.events.put((host, code))

    def _await(self, deadline: float) -> str:
        running = {host.name for host in self.hosts}
        ending: str | None = None
        while running:
            try:
                host, news = self.events.get(timeout=max(0.0, min(deadline - time.monotonic(), threading.TIMEOUT_MAX)))
            except queue.Empty:
                if ending:
                    self._send(signal.SIGKILL)
                    deadline = float("inf")
                    continue
                host, news = None, "MaxRuntimeExceeded"
            if host:
                running.discard(host.name)
                if news and not ending:
                    raise JobFailedError(_reason(host, news))
            elif not ending:
                ending, deadline = news, time.monotonic() + self.world.grace_seconds
                self._send(signal.SIGTERM)
            elif ending == "Interrupted":
                ending = news
            if news == KILLED:
                self._send(signal.SIGKILL)
        return ending or "Completed"

    def _send(self, number: signal.Signals) -> None:
        for host in self.hosts:
            host.send(number)

    def _sync_until(self, done: threading.Event) -> None:
        """Carries checkpoints away while the job runs, and once more at the end."""
        while not done.wait(self.world.sync_seconds):
            self._each_sync(CheckpointSync.push)
        self._each_sync(CheckpointSync.push)

    def _each_sync(self, action: Callable[[CheckpointSync], None]) -> None:
        for sync in self.syncs:
            try:
                with failing_as("Checkpoint upload failed"):
                    action(sync)
            except JobFailedError as error:
                _LOG.warning("%s: %s", self.job.name, error)


def _reason(host: Host, code: int) -> str:
    if code == _KILLED_CODE:
        return (
            "ClientError: Please use an instance type with more memory, or reduce the size of job data processed on "
            f"an instance. {host.name} was killed, exit code: {code}"
        )
    tail = f", exit code: {code}"
    return f"AlgorithmError: {host.failure()[: 1000 - len(tail)]}{tail}"
