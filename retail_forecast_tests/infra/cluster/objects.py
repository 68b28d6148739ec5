"""What the API server stores, and how it is changed: by JSON patches and by whole statuses."""

from __future__ import annotations

import copy
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

Object = dict[str, Any]


class Refusal(Exception):
    """An answer other than 2xx."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        self.status, self.reason, self.message = status, reason, message
        super().__init__(message)


@dataclass
class Objects:
    """Objects by (plural, namespace, name). What is handed out is a copy."""

    _all: dict[tuple[str, str, str], Object] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _version: count[int] = field(default_factory=lambda: count(1))

    def create(self, plural: str, namespace: str, body: Object) -> Object:
        """Stores a new object. Raises Refusal 409 where there is one of that name."""
        with self._lock:
            new = copy.deepcopy(body)
            given: Object = new.setdefault("metadata", {})
            key = (plural, namespace, given["name"])
            if key in self._all:
                raise Refusal(409, "AlreadyExists", f'{plural} "{key[2]}" already exists')
            given |= {"namespace": namespace, "uid": str(uuid.uuid4()), "generation": 1, "creationTimestamp": now()}
            new.setdefault("status", {})
            self._all[key] = new
            return self._stored(key)

    def get(self, plural: str, namespace: str, name: str) -> Object:
        """The object. Raises Refusal 404."""
        with self._lock:
            self._require(plural, namespace, name)
            return copy.deepcopy(self._all[plural, namespace, name])

    def select(
        self,
        plural: str,
        namespace: str,
        labels: Mapping[str, str] | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> list[Object]:
        """Those with the labels and field values, such as {"involvedObject.name": "x"}."""
        with self._lock:
            found = [one for (kind, where, _), one in self._all.items() if (kind, where) == (plural, namespace)]
            return [copy.deepcopy(one) for one in found if _matches(one, labels or {}, fields or {})]

    def delete(self, plural: str, namespace: str, name: str) -> Object:
        """Removes the object. Raises Refusal 404."""
        with self._lock:
            self._require(plural, namespace, name)
            return self._all.pop((plural, namespace, name))

    def set_status(self, plural: str, namespace: str, name: str, status: Object) -> None:
        """Replaces the status; one of an object that is gone is dropped."""
        with self._lock:
            if (plural, namespace, name) in self._all:
                self._all[plural, namespace, name]["status"] = copy.deepcopy(status)
                self._stored((plural, namespace, name))

    def patch(
        self, plural: str, namespace: str, name: str, operations: list[Object], *, dry_run: bool = False
    ) -> Object:
        """Changes the object whole or not at all, and counts its generation up. Raises Refusal 404, 422."""
        with self._lock:
            new = self.get(plural, namespace, name)
            for operation in operations:
                _apply(new, operation)
            if dry_run:
                return new
            changed = new["spec"] != self._all[plural, namespace, name]["spec"]
            new["metadata"]["generation"] += changed
            self._all[plural, namespace, name] = new
            return self._stored((plural, namespace, name))

    def _stored(self, key: tuple[str, str, str]) -> Object:
        self._all[key]["metadata"]["resourceVersion"] = str(next(self._version))
        return copy.deepcopy(self._all[key])

    def _require(self, plural: str, namespace: str, name: str) -> None:
        if (plural, namespace, name) not in self._all:
            raise Refusal(404, "NotFound", f'{plural} "{name}" not found')


def now() -> str:
    """The present, as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _apply(target: Any, operation: Object) -> None:
    *path, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
    try:
        for part in path:
            target = target[int(part) if isinstance(target, list) else part]
        key: Any = int(last) if isinstance(target, list) else last
        if operation["op"] == "test" and target[key] != operation["value"]:
            raise KeyError(last)
        if operation["op"] == "replace":
            target[key]  # a member that is not there cannot be replaced
            target[key] = operation["value"]
    except (KeyError, IndexError) as error:
        raise Refusal(422, "Invalid", "the server rejected our request due to an error in our request") from error


def _matches(one: Object, labels: Mapping[str, str], fields: Mapping[str, str]) -> bool:
    found = one["metadata"].get("labels") or {}
    if any(found.get(name) != value for name, value in labels.items()):
        return False
    return all(_field(one, path) == value for path, value in fields.items())


def _field(one: Any, path: str) -> Any:
    for part in path.split("."):
        one = (one or {}).get(part)
    return one
