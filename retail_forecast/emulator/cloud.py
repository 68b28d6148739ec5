"""Starting the emulator for the length of a `with`, and reaching it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REGION = "ap-southeast-1"
READY = "The cloud is at "
_START_SECONDS = 60


class CloudNotStartedError(RuntimeError):
    """The emulator's process ended, or said nothing, before it could be reached."""

    def __init__(self, log: Path) -> None:
        self.log = log
        tail = log.read_text(encoding="utf-8", errors="replace")[-2000:] if log.exists() else ""
        super().__init__(f"The emulator did not start. Its log {log} ends with:\n{tail}")


class CloudControlError(RuntimeError):
    """One of the emulator's own endpoints refused."""


@dataclass(frozen=True)
class Cloud:
    """A running emulator: where it is, and clients of it."""

    endpoint_url: str
    folder: Path
    region: str = REGION

    def environment(self, access_key_id: str = "test") -> dict[str, str]:
        """What a process needs in its environment so that boto3, obstore and Polars reach this cloud and no other.

        The access key's name is all that tells one caller from another in the recording of calls.
        """
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": access_key_id,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_ALLOW_HTTP": "true",
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def client(self, service: str, **more: Any) -> Any:
        """A boto3 client of this cloud, whatever the environment says. `more`: other credentials, a config."""
        import boto3

        own = {"region_name": self.region, "aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.session.Session().client(service, **{**own, "endpoint_url": self.endpoint_url, **more})

    def control(self, method: str, path: str, content: Any = None) -> Any:
        """Asks one of the emulator's own endpoints below /_emulator/. Raises CloudControlError if it refuses."""
        request = urllib.request.Request(  # noqa: S310 - the URL is this cloud's own
            f"{self.endpoint_url}/_emulator/{path}",
            data=None if content is None else json.dumps(content).encode(),
            headers={"Content-Type": "application/json"},
            method=method,
        )
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(request) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise CloudControlError(f"{method} {path}: {json.load(error)['error']}") from error

    def add_image(self, pattern: str, command: list[str]) -> None:
        """Makes images known: a glob over their URI or repository name, and the command that stands for them."""
        self.control("PUT", "images", {pattern: command})

    def interrupt(self, job: str) -> None:
        """Takes the capacity of a spot training job back."""
        self.control("POST", f"sagemaker/interrupt/{job}?region={self.region}")

    def fail_next_job(self, reason: str, *, times: int = 1) -> None:
        """Lets the next training jobs fail at once, as for want of capacity."""
        self.control("POST", f"sagemaker/fail-next?region={self.region}", {"reason": reason, "times": times})

    def plan_fault(self, service: str, action: str, code: str, **more: Any) -> None:
        """Refuses the next call (`times`) of an action with an error of AWS; see `emulator.faults.Fault`."""
        self.control("POST", "faults", {"service": service, "action": action, "code": code, **more})

    def clear_faults(self) -> None:
        """Forgets the faults that were planned and have not come."""
        self.control("DELETE", "faults")

    def calls(self) -> list[dict[str, Any]]:
        """The calls recorded so far, oldest first; none without --record."""
        recorded: list[dict[str, Any]] = self.control("GET", "calls")
        return recorded

    def new_bucket(self, prefix: str = "bucket", *, versioned: bool = False) -> str:
        """Makes an empty bucket of a name that nobody else has."""
        s3 = self.client("s3")
        name = f"{prefix}-{uuid.uuid4().hex[:12]}"
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": self.region})
        if versioned:
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name


@contextmanager
def run_cloud(folder: Path, *, port: int = 0, options: Sequence[str] = ()) -> Iterator[Cloud]:
    """The emulator as a process of its own below `folder`; port 0 takes a free one. It ends with this process.

    `options`: further words of the command line, see `python -m retail_forecast.emulator --help`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "emulator.log"
    command = [sys.executable, "-m", "retail_forecast.emulator", "--port", str(port), "--folder", str(folder)]
    with (
        log.open("a", encoding="utf-8") as err,
        subprocess.Popen(
            [*command, "--end-with-stdin", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=err,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        ) as process,
    ):
        try:
            yield Cloud(_endpoint_of(process, log), folder)
        finally:
            _end(process)


def _endpoint_of(process: subprocess.Popen[str], log: Path) -> str:
    late = threading.Timer(_START_SECONDS, process.kill)
    late.start()
    line = process.stdout.readline() if process.stdout else ""
    late.cancel()
    if not line.startswith(READY):
        raise CloudNotStartedError(log)
    return line.removeprefix(READY).strip()


def _end(process: subprocess.Popen[str]) -> None:
    if process.stdin:
        with suppress(BrokenPipeError):
            process.stdin.close()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
