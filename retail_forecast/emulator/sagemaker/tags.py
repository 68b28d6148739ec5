"""Tags of what the emulator holds itself; those of other resources are moto's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Tags:
    """Tags by ARN."""

    _of: dict[str, dict[str, str]] = field(default_factory=dict)

    def own(self, arn: str, request: dict[str, Any]) -> None:
        """Takes the tags of a new resource."""
        self._of[arn] = {tag["Key"]: tag["Value"] for tag in request.get("Tags") or []}

    def disown(self, arn: str) -> None:
        """Forgets a resource that was deleted."""
        self._of.pop(arn, None)

    def action(self, name: str, request: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]] | None:
        """Who answers a call on tags, if it is about one of ours."""
        ours = {"AddTags": self._add, "ListTags": self._list, "DeleteTags": self._delete}
        return ours.get(name) if request.get("ResourceArn") in self._of else None

    def _add(self, request: dict[str, Any]) -> dict[str, Any]:
        self._of[request["ResourceArn"]] |= {tag["Key"]: tag["Value"] for tag in request["Tags"]}
        return self._list(request)

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"Tags": [{"Key": key, "Value": value} for key, value in self._of[request["ResourceArn"]].items()]}

    def _delete(self, request: dict[str, Any]) -> dict[str, Any]:
        for key in request["TagKeys"]:
            self._of[request["ResourceArn"]].pop(key, None)
        return {}
