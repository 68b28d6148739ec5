"""The account of `demo-aws`: what Terraform would have made, made in an emulated cloud with boto3's own calls."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retail_forecast.settings import ENVIRONMENT_PREFIX

if TYPE_CHECKING:
    from retail_forecast.emulator import Cloud

BUCKET = "retail-forecast-demo"
LANDING = "landing"
_TRAINING_ROLE = "retail-forecast-training"
_REFUSED_OFTEN = "5"
_INSTANCE, _MADE_UP_PRICE = "ml.m5.2xlarge", "0.5"


@dataclass(frozen=True)
class Account:
    """Names of what there is in the account."""

    landing_url: str
    lake_url: str
    compute_logs_url: str
    training_url: str
    queue_url: str
    dead_letter_url: str
    topic_arn: str
    training_role_arn: str
    training_image: str

    def settings(self) -> dict[str, str]:
        """The environment's variables that put every port on AWS."""
        values = {
            "landing_url": self.landing_url,
            "lake_url": self.lake_url,
            "compute_logs_url": self.compute_logs_url,
            "arrivals_queue_url": self.queue_url,
            "arrivals_dead_letter_url": self.dead_letter_url,
            "trainer": "sagemaker",
            "training_url": self.training_url,
            "training_image": self.training_image,
            "training_role_arn": self.training_role_arn,
            "training_max_seconds": "3600",
            "training_budget_usd": "5",
            "registry": "sagemaker",
            "metrics": "cloudwatch",
            "notifier": "sns",
            "notification_topic_arn": self.topic_arn,
        }
        return {f"{ENVIRONMENT_PREFIX}{name.upper()}": value for name, value in values.items()}


def build_account(cloud: Cloud) -> Account:
    """A versioned bucket whose landing tells a queue, a queue for what cannot be used, a topic and a role."""
    from retail_forecast.emulator.price_list import training_instance

    s3, sqs = cloud.client("s3"), cloud.client("sqs")
    account = cloud.client("sts").get_caller_identity()["Account"]
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": cloud.region})
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    dead_letter_url, dead_letter_arn = _queue(sqs, f"{BUCKET}-arrivals-refused", {})
    redrive = {"deadLetterTargetArn": dead_letter_arn, "maxReceiveCount": _REFUSED_OFTEN}
    queue_url, queue_arn = _queue(sqs, f"{BUCKET}-arrivals", {"RedrivePolicy": json.dumps(redrive)})
    _tell(s3, queue_arn)
    cloud.control("POST", "prices", [training_instance(_INSTANCE, cloud.region, _MADE_UP_PRICE)])
    return Account(
        landing_url=f"s3://{BUCKET}/{LANDING}",
        lake_url=f"s3://{BUCKET}/lake",
        compute_logs_url=f"s3://{BUCKET}/compute-logs",
        training_url=f"s3://{BUCKET}/training",
        queue_url=queue_url,
        dead_letter_url=dead_letter_url,
        topic_arn=cloud.client("sns").create_topic(Name=f"{BUCKET}-alerts")["TopicArn"],
        training_role_arn=_training_role(cloud.client("iam")),
        training_image=f"{account}.dkr.ecr.{cloud.region}.amazonaws.com/retail-forecast-training:demo",
    )


def _queue(sqs: Any, name: str, attributes: dict[str, str]) -> tuple[str, str]:
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def _tell(s3: Any, queue_arn: str) -> None:
    """Events of the landing, and of nothing else in the bucket, go to the queue."""
    rules = {"Key": {"FilterRules": [{"Name": "prefix", "Value": f"{LANDING}/"}]}}
    events = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]
    told = {"QueueConfigurations": [{"QueueArn": queue_arn, "Events": events, "Filter": rules}]}
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=told)


def _training_role(iam: Any) -> str:
    trusted = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    policy = {"Version": "2012-10-17", "Statement": [trusted]}
    role = iam.create_role(RoleName=_TRAINING_ROLE, AssumeRolePolicyDocument=json.dumps(policy))
    return str(role["Role"]["Arn"])
