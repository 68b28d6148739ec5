"""What a drill does to the cloud, and what the cloud remembers of its callers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from retail_forecast.emulator import Cloud, CloudControlError


@pytest.fixture
def cloud(running_cloud: Cloud) -> Iterator[Cloud]:
    yield running_cloud
    running_cloud.clear_faults()


def single(cloud: Cloud, service: str) -> Any:
    """A client that does not try again."""
    return cloud.client(service, config=Config(retries={"total_max_attempts": 1}))


@pytest.mark.parametrize(
    ("service", "action", "code", "status", "call"),
    [
        ("s3", "PutObject", "SlowDown", 503, lambda s3: s3.put_object(Bucket="b", Key="k", Body=b"x" * 100_000)),
        ("s3", "HeadObject", "403", 403, lambda s3: s3.head_object(Bucket="b", Key="k")),
        ("sagemaker", "CreateModel", "ThrottlingException", 400, lambda sm: sm.create_model(ModelName="m")),
        ("sqs", "ReceiveMessage", "ExpiredToken", 403, lambda sqs: sqs.receive_message(QueueUrl="http://q/1/q")),
        ("sts", "GetCallerIdentity", "ExpiredToken", 403, lambda sts: sts.get_caller_identity()),
        ("logs", "PutLogEvents", "AccessDeniedException", 400, lambda logs: put_line(logs)),
        ("cloudwatch", "PutMetricData", "AccessDenied", 403, lambda cw: cw.put_metric_data(Namespace="n")),
    ],
)
def test_a_planned_refusal_is_what_the_client_raises(
    cloud: Cloud, service: str, action: str, code: str, status: int, call: Any
) -> None:
    cloud.plan_fault(service, action, "AccessDenied" if code == "403" else code, status=status)
    with pytest.raises(ClientError) as refused:
        call(single(cloud, service))
    assert refused.value.response["Error"]["Code"] == code
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def put_line(logs: Any) -> None:
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[{"timestamp": 0, "message": "m"}])


def test_a_client_that_tries_again_gets_through(cloud: Cloud) -> None:
    bucket = cloud.new_bucket()
    cloud.plan_fault("s3", "PutObject", "SlowDown", times=2, resource=f"{bucket}/*")
    answer = cloud.client("s3").put_object(Bucket=bucket, Key="k", Body=b"1")
    assert answer["ResponseMetadata"]["RetryAttempts"] == 2
    assert cloud.control("GET", "faults") == []


def test_a_fault_may_be_for_one_caller_alone(cloud: Cloud) -> None:
    bucket = cloud.new_bucket()
    cloud.plan_fault("s3", "ListObjectsV2", "AccessDenied", principal="stranger")
    assert cloud.client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    with pytest.raises(ClientError, match="Access Denied"):
        cloud.client("s3", aws_access_key_id="stranger").list_objects_v2(Bucket=bucket)


def test_calls_are_recorded_with_the_role_and_the_permission(cloud: Cloud) -> None:
    bucket = cloud.new_bucket()
    role = f"arn:aws:iam::123456789012:role/{bucket}"
    keys = cloud.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    s3 = cloud.client(
        "s3",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    s3.list_objects_v2(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a/b", Body=b"")
    s3.head_object(Bucket=bucket, Key="a/b")
    seen = [(call["permission"], call["resource"]) for call in cloud.calls() if call["principal"] == role]
    assert seen == [("s3:ListBucket", bucket), ("s3:PutObject", f"{bucket}/a/b"), ("s3:GetObject", f"{bucket}/a/b")]


def test_an_unknown_endpoint_or_fault_is_refused(cloud: Cloud) -> None:
    with pytest.raises(CloudControlError, match="There is no /_emulator/nothing"):
        cloud.control("GET", "nothing")
    with pytest.raises(CloudControlError, match="unexpected keyword argument 'often'"):
        cloud.plan_fault("s3", "PutObject", "SlowDown", often=3)
