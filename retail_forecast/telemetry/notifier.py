"""Whom to tell when something went wrong. On a laptop: the log."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import Any, Protocol

from retail_forecast.aws import aws_client, aws_errors
from retail_forecast.errors import ConfigurationError
from retail_forecast.settings import Settings

logger = logging.getLogger("retail_forecast.notifications")

_SUBJECT = 100


class Notifier(Protocol):
    """Somebody who wants to know."""

    def notify(self, title: str, text: str) -> None:
        """Tells one piece of bad news; `title` is a sentence, `text` says what to do."""
        ...


class LogNotifier:
    """Writes to the log of the process."""

    def notify(self, title: str, text: str) -> None:
        """See Notifier."""
        logger.error("%s %s", title, text)


class SnsNotifier:
    """Publishes to a topic: the title is the subject of a mail, and the first line of what other subscribers get."""

    def __init__(self, topic_arn: str, *, region: str) -> None:
        self._topic_arn, self._region = topic_arn, region

    def notify(self, title: str, text: str) -> None:
        """See Notifier. Raises AwsError."""
        with aws_errors(self._topic_arn):
            self._client.publish(TopicArn=self._topic_arn, Subject=_subject(title), Message=f"{title}\n\n{text}")

    @cached_property
    def _client(self) -> Any:
        return aws_client("sns", region=self._region)


def open_notifier(settings: Settings) -> Notifier:
    """The notifier that the settings choose. Raises ConfigurationError for SNS without a topic."""
    if settings.notifier == "log":
        return LogNotifier()
    if settings.notification_topic_arn is None:
        key = "RETAIL_FORECAST_NOTIFICATION_TOPIC_ARN"
        raise ConfigurationError(key=key, found=None, expected="the ARN of a topic, since the notifier is sns")
    return SnsNotifier(settings.notification_topic_arn, region=settings.aws_region)


def _subject(title: str) -> str:
    """What SNS takes as a subject: ASCII, one line, 100 characters."""
    return " ".join(title.encode("ascii", "replace").decode().split())[:_SUBJECT]
