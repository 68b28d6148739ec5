"""Starting the emulator for the length of a `with`, and reaching it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
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

    def client(self, service: str, **session: Any) -> Any:
        """A boto3 client of this cloud, whatever the environment says. `session`: keys of other credentials."""
        import boto3

        credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test", **session}
        return boto3.session.Session(region_name=self.region, **credentials).client(
            service, endpoint_url=self.endpoint_url
        )

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
