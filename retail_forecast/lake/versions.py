"""Versioned JSON documents: each version is an object that can be created once, the newest one counts.

Two writers who start from the same version meet at the same name, and the second one gets a PublishConflictError:
optimistic locking that works on a folder, S3 and Azure Blob alike.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from retail_forecast.errors import NotFoundError
from retail_forecast.lake.stores import Store

KEPT_VERSIONS = 20


@dataclass(frozen=True)
class VersionedDocument:
    """A JSON document with history, below `prefix` in a store."""

    store: Store
    prefix: str

    def versions(self) -> list[int]:
        """Numbers of the kept versions, oldest first."""
        names = (info.path.rsplit("/", 1)[1] for info in self.store.list(self.prefix))
        return sorted(int(name.removesuffix(".json")) for name in names if name.endswith(".json"))

    def read(self, version: int | None = None) -> tuple[int, dict[str, Any]]:
        """(version, content) of one version or of the newest; (0, {}) when nothing was written yet."""
        while True:
            wanted = version if version is not None else max(self.versions(), default=0)
            if wanted == 0:
                return 0, {}
            try:
                return wanted, json.loads(self.store.read(self._path(wanted)))
            except NotFoundError:
                if version is not None:
                    raise

    def write_next(self, after: int, content: dict[str, Any]) -> int:
        """Writes the version that follows `after`. Raises PublishConflictError if somebody else has."""
        text = json.dumps(content, separators=(",", ":"), sort_keys=True)
        self.store.write_new(self._path(after + 1), text.encode())
        for old in range(after + 1 - KEPT_VERSIONS, 0, -1):
            if not self.store.exists(self._path(old)):
                break
            self.store.delete(self._path(old))
        return after + 1

    def _path(self, version: int) -> str:
        return f"{self.prefix}/{version:012d}.json"
