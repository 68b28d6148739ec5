"""What every notifier does, asked of each implementation and read back where it went."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from retail_forecast.emulator import Cloud
from retail_forecast.errors import AwsError, ConfigurationError
from retail_forecast.settings import Settings
from retail_forecast.telemetry.notifier import LogNotifier, Notifier, SnsNotifier, open_notifier


@dataclass(frozen=True)
class Heard:
    """A notifier, and the texts that arrived."""

    notifier: Notifier
    read: Callable[[], list[str]]


@pytest.fixture(params=["log", "sns"])
def heard(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Heard:
    if request.param == "log":
        return Heard(LogNotifier(), lambda: [record.getMessage() for record in caplog.records])
    topic, read = _topic_with_queue(request.getfixturevalue("aws_cloud"))
    return Heard(SnsNotifier(topic, region="ap-southeast-1"), lambda: [one["Message"] for one in read()])


def _topic_with_queue(cloud: Cloud) -> tuple[str, Callable[[], list[dict[str, str]]]]:
    name = f"told-{uuid.uuid4().hex[:8]}"
    sns, sqs = cloud.client("sns"), cloud.client("sqs")
    topic, url = sns.create_topic(Name=name)["TopicArn"], sqs.create_queue(QueueName=name)["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)

    def read() -> list[dict[str, str]]:
        got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=2)
        return [json.loads(message["Body"]) for message in got.get("Messages", [])]

    return topic, read


def test_title_and_text_arrive(heard: Heard) -> None:
    heard.notifier.notify("Run 1a2b of retrain failed.", "model: no memory\nhttp://ui/runs/1a2b")
    (text,) = heard.read()
    assert text.startswith("Run 1a2b of retrain failed.")
    assert text.endswith("model: no memory\nhttp://ui/runs/1a2b")


def test_a_title_beyond_what_a_subject_takes_arrives_whole_in_the_text(heard: Heard) -> None:
    title = "Größe " * 30
    heard.notifier.notify(title, "why")
    (text,) = heard.read()
    assert title in text


def test_the_subject_of_a_mail_is_short_and_plain(aws_cloud: Cloud) -> None:
    topic, read = _topic_with_queue(aws_cloud)
    SnsNotifier(topic, region=aws_cloud.region).notify("Größe\n" + "x" * 200, "why")
    (message,) = read()
    assert message["Subject"] == "Gr??e " + "x" * 94


def test_a_topic_that_does_not_exist_is_named(aws_cloud: Cloud) -> None:
    topic = "arn:aws:sns:ap-southeast-1:123456789012:nobody"
    with pytest.raises(AwsError, match="nobody"):
        SnsNotifier(topic, region=aws_cloud.region).notify("a", "b")


def test_sns_without_a_topic_names_the_setting() -> None:
    with pytest.raises(ConfigurationError, match="RETAIL_FORECAST_NOTIFICATION_TOPIC_ARN"):
        open_notifier(Settings(notifier="sns"))


def test_the_settings_choose_the_notifier() -> None:
    assert isinstance(open_notifier(Settings()), LogNotifier)
    assert isinstance(open_notifier(Settings(notifier="sns", notification_topic_arn="arn:aws:sns:x")), SnsNotifier)
