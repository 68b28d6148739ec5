"""Small training jobs for the tests: a container is a few lines of Python, a job is a request to SageMaker."""

from __future__ import annotations

import io
import sys
import tarfile
import textwrap
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retail_forecast.emulator import Cloud

ROLE = "arn:aws:iam::123456789012:role/training"
GROUP = "/aws/sagemaker/TrainingJobs"
_START = """\
import json, os, pathlib, signal, socket, sys, time
ML = pathlib.Path(os.environ.get("RETAIL_FORECAST_ML_ROOT", "/opt/ml"))
def config(name):
    return json.loads((ML / f"input/config/{name}.json").read_text())
"""


@dataclass
class Desk:
    """A bucket, and training jobs that read it and write to it."""

    cloud: Cloud
    folder: Path
    bucket: str
    sagemaker: Any = field(init=False)
    s3: Any = field(init=False)
    logs: Any = field(init=False)

    def __post_init__(self) -> None:
        self.sagemaker = self.cloud.client("sagemaker")
        self.s3, self.logs = self.cloud.client("s3"), self.cloud.client("logs")

    def image(self, body: str) -> str:
        """An image whose entry point is a script with this body."""
        name = f"image-{uuid.uuid4().hex[:8]}"
        script = self.folder / f"{name}.py"
        script.write_text(_START + textwrap.dedent(body), encoding="utf-8")
        self.cloud.add_image(name, [sys.executable, str(script)])
        return f"123456789012.dkr.ecr.{self.cloud.region}.amazonaws.com/{name}:1"

    def request(self, body: str, **more: Any) -> dict[str, Any]:
        """A request for a job with this container; `more` replaces or adds keys."""
        specification = {"TrainingImage": self.image(body), "TrainingInputMode": "File"}
        return {
            "TrainingJobName": f"job-{uuid.uuid4().hex[:12]}",
            "RoleArn": ROLE,
            "AlgorithmSpecification": specification | more.pop("AlgorithmSpecification", {}),
            "OutputDataConfig": {"S3OutputPath": f"s3://{self.bucket}/out"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            **more,
        }

    def start(self, body: str, **more: Any) -> str:
        """Starts a job and returns its name."""
        request = self.request(body, **more)
        self.sagemaker.create_training_job(**request)
        return str(request["TrainingJobName"])

    def finish(self, name: str) -> dict[str, Any]:
        """The description of a job once it has ended."""
        return self.await_status(name, "TrainingJobStatus", "Completed", "Failed", "Stopped")

    def await_status(self, name: str, key: str, *wanted: str) -> dict[str, Any]:
        """The description of a job once one of its statuses is among the wanted ones; a minute at most."""
        for _ in range(600):
            job: dict[str, Any] = self.sagemaker.describe_training_job(TrainingJobName=name)
            if job[key] in wanted:
                return job
            time.sleep(0.1)
        raise AssertionError(f"{name} is still {job[key]}: {job['SecondaryStatusTransitions']}\n{self.log_of(name)}")

    def await_line(self, name: str, line: str) -> None:
        """Returns when a job has logged a line; a minute at most."""
        for _ in range(600):
            if line in self.log_of(name):
                return
            time.sleep(0.1)
        raise AssertionError(f"{name} has not logged {line!r}: {self.log_of(name)}")

    def log_of(self, name: str) -> list[str]:
        """What CloudWatch Logs has of a job, stream by stream."""
        try:
            streams = self.logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{name}/")["logStreams"]
        except self.logs.exceptions.ResourceNotFoundException:
            return []
        events = [
            self.logs.get_log_events(logGroupName=GROUP, logStreamName=stream["logStreamName"], startFromHead=True)
            for stream in streams
        ]
        return [event["message"] for page in events for event in page["events"]]

    def put(self, key: str, text: str = "") -> None:
        """Puts an object into the bucket."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=text.encode())

    def keys(self, prefix: str) -> list[str]:
        """The keys below a prefix, in order."""
        return [row["Key"] for row in self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])]

    def text(self, key: str) -> str:
        """An object's content."""
        return str(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read().decode())

    def archive(self, uri: str) -> dict[str, str]:
        """The files of an archive, by name."""
        key = uri.removeprefix(f"s3://{self.bucket}/")
        packed = io.BytesIO(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())
        with tarfile.open(fileobj=packed) as archive:
            return {
                member.name: content.read().decode()
                for member in archive.getmembers()
                if (content := archive.extractfile(member))
            }


def channel(name: str, uri: str, distribution: str = "FullyReplicated") -> dict[str, Any]:
    """An input channel of a request."""
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": distribution}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}
