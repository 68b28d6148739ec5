"""Which IAM actions each role needs, read off the calls that an emulated cloud recorded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

HEADERS = ("role", "action", "on")
_ALL = "*"


def permissions_of(calls: Iterable[Mapping[str, Any]], roles: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Sorted rows of (role, action, resource pattern). `roles`: principal to role; calls of others are left out."""
    found = {
        (role, _action(str(call["permission"])), _pattern(str(call["service"]), call["resource"]))
        for call in calls
        for principal, role in roles.items()
        if re.fullmatch(principal, str(call["principal"]))
    }
    return sorted(found)


def permissions_markdown(rows: Iterable[tuple[str, str, str]]) -> str:
    """The rows as a table of Markdown."""
    lines = [HEADERS, tuple("---" for _ in HEADERS), *((role, f"`{action}`", f"`{on}`") for role, action, on in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _action(permission: str) -> str:
    """IAM knows the batches of SQS as what they are batches of.

    >>> _action("sqs:DeleteMessageBatch")
    'sqs:DeleteMessage'
    """
    return permission.removesuffix("Batch") if permission.startswith("sqs:") else permission


def _pattern(service: str, resource: object) -> str:
    """What of a resource's name is the same in every installation: of objects in S3 the bucket's first folder.

    >>> _pattern("s3", "bucket/lake/tables/sales/a.parquet"), _pattern("s3", "bucket"), _pattern("sqs", None)
    ('BUCKET/lake/*', 'BUCKET', '*')
    >>> _pattern("sagemaker", "retail-forecast-train-0c1d")
    'retail-forecast-*'
    """
    text = str(resource or "")
    if service == "s3":
        folder = text.split("/")[1:2]
        return f"BUCKET/{folder[0]}/*" if folder and folder[0] else "BUCKET"
    name = text.rstrip("/").rsplit("/", 1)[-1] if "/" in text and not text.startswith("/aws") else text
    found = re.match(r"(/aws/[A-Za-z/]+|retail-forecast|RetailForecast)", name)
    return _ALL if found is None else found[1] if name == found[1] else f"{found[1]}-*"
