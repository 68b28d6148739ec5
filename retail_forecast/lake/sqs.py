"""SQS as a queue of events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from retail_forecast.aws import aws_client, aws_errors
from retail_forecast.lake.queues import Message

_AT_ONCE = 10  # SQS takes and gives no more in one call
_REASON_CHARACTERS = 1000


@dataclass(frozen=True)
class SqsQueue:
    """A standard queue, and the one for its dead letters.

    visibility_seconds: what was received is hidden for so long; it has to exceed the time that one look takes.
    """

    url: str
    region: str
    dead_letter_url: str | None = None
    visibility_seconds: int = 120

    @cached_property
    def _client(self) -> Any:
        return aws_client("sqs", region=self.region)

    def receive(self, limit: int) -> list[Message]:
        """What waits now, at most `limit` messages; an empty queue answers at once."""
        found: list[Message] = []
        while len(found) < limit:
            portion = self._receive(min(_AT_ONCE, limit - len(found)))
            if not portion:
                break
            found += portion
        return found

    def _receive(self, count: int) -> list[Message]:
        with aws_errors(self.url):
            answer = self._client.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=count,
                VisibilityTimeout=self.visibility_seconds,
                WaitTimeSeconds=0,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        return [
            Message(
                one["MessageId"],
                one["Body"],
                one["ReceiptHandle"],
                int(one.get("Attributes", {}).get("ApproximateReceiveCount", 1)),
            )
            for one in answer.get("Messages", [])
        ]

    def delete(self, messages: Sequence[Message]) -> None:
        """Forgets the messages. One that SQS does not forget comes again, which does no harm."""
        for start in range(0, len(messages), _AT_ONCE):
            entries = [
                {"Id": str(number), "ReceiptHandle": one.receipt}
                for number, one in enumerate(messages[start : start + _AT_ONCE])
            ]
            with aws_errors(self.url):
                self._client.delete_message_batch(QueueUrl=self.url, Entries=entries)

    def set_aside(self, message: Message, reason: str) -> bool:
        """Sends the message to the dead letters, then forgets it: a crash in between leaves it in both."""
        if self.dead_letter_url is None:
            return False
        texts = {"reason": reason[:_REASON_CHARACTERS], "message_id": message.id, "queue": self.url}
        with aws_errors(self.dead_letter_url):
            self._client.send_message(
                QueueUrl=self.dead_letter_url,
                MessageBody=message.body,
                MessageAttributes={name: {"DataType": "String", "StringValue": text} for name, text in texts.items()},
            )
        self.delete([message])
        return True

    def waiting(self, url: str | None = None) -> int:
        """About how many messages wait, here or in another queue."""
        with aws_errors(url or self.url):
            answer = self._client.get_queue_attributes(
                QueueUrl=url or self.url, AttributeNames=["ApproximateNumberOfMessages"]
            )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])
