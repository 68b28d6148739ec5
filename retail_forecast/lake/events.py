"""Events of S3 as they lie in a queue: straight from the bucket, through EventBridge, or wrapped by SNS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from retail_forecast.errors import BadEventError


@dataclass(frozen=True)
class ObjectEvent:
    """Something happened to one object: it was created, deleted, restored or the like.

    It names the object and no more: what the object is now is asked of S3, so that events may come twice, late and in
    any order. sequencer: hexadecimal, orders the events of one key; None where the sender gives none.
    """

    bucket: str
    key: str
    e_tag: str | None = None
    version_id: str | None = None
    sequencer: str | None = None


def read_s3_events(body: str) -> list[ObjectEvent]:
    """The events in a message's body; none in S3's test event. Raises BadEventError with the reason."""
    try:
        content = json.loads(body)
    except ValueError as error:
        raise BadEventError(reason=f"Its body is no JSON ({error}).") from error
    if not isinstance(content, dict):
        raise BadEventError(reason=f"Its body is a JSON {type(content).__name__}, not an object.")
    try:
        return _read(content)
    except (KeyError, TypeError, AttributeError) as error:
        raise BadEventError(
            reason=f"Its event lacks what names an object ({type(error).__name__}: {error})."
        ) from error


def is_later(one: str, other: str) -> bool:
    """Whether the sequencer `one` is later than `other`: the shorter is padded with zeros at its right.

    >>> is_later("0055AED6DCD90282E6", "0055AED6DCD90281E5"), is_later("0A", "0A00"), is_later("0B", "0A99")
    (True, False, True)
    """
    width = max(len(one), len(other))
    return one.upper().ljust(width, "0") > other.upper().ljust(width, "0")


def _read(content: Mapping[str, Any]) -> list[ObjectEvent]:
    if content.get("Type") == "Notification" and "Message" in content:
        return read_s3_events(content["Message"])
    if content.get("Event") == "s3:TestEvent":
        return []
    if "Records" in content:
        return [_from_bucket(record["s3"]) for record in content["Records"]]
    if content.get("source") == "aws.s3":
        return [_from_event_bridge(content["detail"])]
    raise BadEventError(reason=f"It is no event of S3; it has {', '.join(sorted(content)) or 'nothing'}.")


def _from_bucket(raw: Mapping[str, Any]) -> ObjectEvent:
    """Keys come URL-encoded here, with "+" for a space."""
    one = raw["object"]
    key = unquote_plus(one["key"])
    return ObjectEvent(raw["bucket"]["name"], key, one.get("eTag"), one.get("versionId"), one.get("sequencer"))


def _from_event_bridge(detail: Mapping[str, Any]) -> ObjectEvent:
    """Keys come as they are here. "eTag" is how moto writes "etag"."""
    one = detail["object"]
    e_tag = one.get("etag", one.get("eTag"))
    return ObjectEvent(detail["bucket"]["name"], str(one["key"]), e_tag, one.get("version-id"), one.get("sequencer"))
