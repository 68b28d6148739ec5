"""A landing in a bucket of the emulated cloud, whose events reach a queue by either way that S3 offers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal
from urllib.parse import quote_plus
from uuid import uuid4

from retail_forecast.emulator import Cloud
from retail_forecast.lake import Store, open_store
from retail_forecast.lake.sqs import SqsQueue

Way = Literal["bucket", "event bridge", "none"]


@cache
def client(cloud: Cloud, service: str) -> Any:
    """One client for all tests: a new one takes a third of a second."""
    return cloud.client(service)


@dataclass(frozen=True)
class CloudLanding:
    """A bucket with versions, `landing/` in it, the queue of its events and the one for dead letters.

    Way "none": the bucket says nothing, and the test sends the events itself.
    """

    cloud: Cloud
    bucket: str
    queue: SqsQueue

    @classmethod
    def make(cls, cloud: Cloud, way: Way = "bucket", *, visibility_seconds: int = 30) -> CloudLanding:
        bucket, sqs, s3 = f"landing-{uuid4().hex[:12]}", client(cloud, "sqs"), client(cloud, "s3")
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": cloud.region})
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        url, dead = (sqs.create_queue(QueueName=f"{bucket}-{name}")["QueueUrl"] for name in ("events", "dead"))
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        if way == "bucket":
            told = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}
            s3.put_bucket_notification_configuration(
                Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [told]}
            )
        if way == "event bridge":
            s3.put_bucket_notification_configuration(
                Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
            )
            pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}}
            client(cloud, "events").put_rule(Name=bucket, EventPattern=json.dumps(pattern), State="ENABLED")
            client(cloud, "events").put_targets(Rule=bucket, Targets=[{"Id": "1", "Arn": arn}])
        return cls(cloud, bucket, SqsQueue(url, cloud.region, dead, visibility_seconds))

    @property
    def store(self) -> Store:
        return open_store(f"s3://{self.bucket}/landing")

    def tell(self, path: str, *, sequencer: str | None = None, e_tag: str = "") -> None:
        """Sends an event as S3 itself words it."""
        self.send(event(self.bucket, f"landing/{path}", sequencer=sequencer, e_tag=e_tag))

    def send(self, body: Any) -> None:
        """Sends any message to the queue of events."""
        text = body if isinstance(body, str) else json.dumps(body)
        client(self.cloud, "sqs").send_message(QueueUrl=self.queue.url, MessageBody=text)

    def dead_letters(self) -> list[tuple[str, str]]:
        """(body, reason) of what was set aside."""
        answer = client(self.cloud, "sqs").receive_message(
            QueueUrl=self.queue.dead_letter_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        found = answer.get("Messages", [])
        return [(one["Body"], one["MessageAttributes"]["reason"]["StringValue"]) for one in found]

    def left(self) -> tuple[int, int]:
        """Messages that wait, and messages that were received and not deleted."""
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        answer = client(self.cloud, "sqs").get_queue_attributes(QueueUrl=self.queue.url, AttributeNames=list(names))
        waiting, hidden = (int(answer["Attributes"][name]) for name in names)
        return waiting, hidden


def event(bucket: str, key: str, *, sequencer: str | None = None, e_tag: str = "") -> dict[str, Any]:
    """S3's notification of a created object."""
    one = {"key": quote_plus(key), "size": 1, "eTag": e_tag, "versionId": "1", "sequencer": sequencer}
    record = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": bucket}, "object": one}}
    return {"Records": [record]}
