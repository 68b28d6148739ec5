"""The rule that Terraform makes, in the emulated cloud: what happens in the landing can be read from the queue."""

from __future__ import annotations

import json
from typing import Any

import pytest

from retail_forecast.emulator import Cloud
from retail_forecast.lake.events import read_s3_events
from retail_forecast.lake.sqs import SqsQueue
from retail_forecast_tests.infra.planned import planned
from retail_forecast_tests.lake.buckets import client


def landing_rule() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        planned("aws_cloudwatch_event_rule")["aws_cloudwatch_event_rule.landing"]["event_pattern"]
    )
    return found


@pytest.fixture
def bucket(aws_cloud: Cloud) -> str:
    """A bucket of the name that the rule asks for."""
    (name,) = landing_rule()["detail"]["bucket"]["name"]
    s3 = client(aws_cloud, "s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": aws_cloud.region})
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}})
    return str(name)


@pytest.fixture
def queue(aws_cloud: Cloud, bucket: str) -> SqsQueue:
    """The arrivals, as target of the rule."""
    sqs, events = client(aws_cloud, "sqs"), client(aws_cloud, "events")
    url = sqs.create_queue(QueueName=f"{bucket}-arrivals")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name=bucket, EventPattern=json.dumps(landing_rule()), State="ENABLED")
    events.put_targets(Rule=bucket, Targets=[{"Id": "arrivals", "Arn": arn}])
    return SqsQueue(url, aws_cloud.region)


def test_what_is_written_and_deleted_in_the_landing_arrives_and_nothing_else(
    aws_cloud: Cloud, bucket: str, queue: SqsQueue
) -> None:
    s3 = client(aws_cloud, "s3")
    for key in ("lake/tables/sales/1.parquet", "landing/sales/a day+.csv", "landing.csv", "training/x"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    (written,) = queue.receive(10)
    assert [(event.bucket, event.key) for event in read_s3_events(written.body)] == [
        (bucket, "landing/sales/a day+.csv")
    ]
    queue.delete([written])
    s3.delete_object(Bucket=bucket, Key="landing/sales/a day+.csv")
    (deleted,) = queue.receive(10)
    assert json.loads(deleted.body)["detail-type"] == "Object Deleted"
    assert [event.key for event in read_s3_events(deleted.body)] == ["landing/sales/a day+.csv"]
