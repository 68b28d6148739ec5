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
    return sorted(row for row in found if not any(_covers(other, row) for other in found))


def permissions_markdown(rows: Iterable[tuple[str, str, str]]) -> str:
    """The rows as a table of Markdown."""
    lines = [HEADERS, tuple("---" for _ in HEADERS), *((role, f"`{action}`", f"`{on}`") for role, action, on in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _covers(wide: tuple[str, str, str], row: tuple[str, str, str]) -> bool:
    """Whether the first row grants the second: the same role and action, on a folder around its folder."""
    return (
        wide[:2] == row[:2] and wide[2] != row[2] and row[2].startswith(wide[2].removesuffix("*")) and "/*" in wide[2]
    )


def _action(permission: str) -> str:
    """IAM knows the batches of SQS as what they are batches of.

    >>> _action("sqs:DeleteMessageBatch")
    'sqs:DeleteMessage'
    """
    return permission.removesuffix("Batch") if permission.startswith("sqs:") else permission


def _pattern(service: str, resource: object) -> str:
    """What of a resource's name is the same in every installation: of objects in S3 the bucket's first folder.

    Features are told apart, for of the lake a training job reads nothing else.

    >>> _pattern("s3", "bucket/lake/tables/sales/a.parquet"), _pattern("s3", "bucket"), _pattern("sqs", None)
    ('BUCKET/lake/*', 'BUCKET', '*')
    >>> _pattern("s3", "bucket/lake/features/0c1d/features.json")
    'BUCKET/lake/features/*'
    >>> _pattern("sagemaker", "retail-forecast-train-0c1d")
    'retail-forecast-*'
    """
    text = str(resource or "")
    if service == "s3":
        folders = text.split("/")[1:3]
        of_lake = "/features" if folders == ["lake", "features"] else ""
        return f"BUCKET/{folders[0]}{of_lake}/*" if folders and folders[0] else "BUCKET"
    name = text.rstrip("/").rsplit("/", 1)[-1] if "/" in text and not text.startswith("/aws") else text
    found = re.match(r"(/aws/[A-Za-z/]+|retail-forecast|RetailForecast)", name)
    return _ALL if found is None else found[1] if name == found[1] else f"{found[1]}-*"
