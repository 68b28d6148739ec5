"""Folders that are published whole under a fingerprint of their inputs: feature sets, models, backtests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from retail_forecast.errors import NotFoundError
from retail_forecast.lake.tables import Lake

_DONE = "_done.json"


@dataclass(frozen=True)
class Artifact:
    """A folder of the lake, `<kind>/<fingerprint>/`. It counts as published once `_done.json` stands in it."""

    lake: Lake
    kind: str
    fingerprint: str

    @property
    def prefix(self) -> str:
        """The folder's path in the lake."""
        return f"{self.kind}/{self.fingerprint}"

    @property
    def local_folder(self) -> Path | None:
        """The folder itself where the lake is a local one; None elsewhere (use `fetch`)."""
        folder = self.lake.store.folder
        return folder / self.prefix if folder is not None else None

    def is_published(self) -> bool:
        """Whether the folder is complete."""
        return self.lake.store.exists(f"{self.prefix}/{_DONE}")

    def publish(self, source: Path, info: Mapping[str, Any]) -> None:
        """Uploads a local folder, then marks it complete with `info`."""
        self.lake.store.upload_folder(source, self.prefix)
        self.mark_published(info)

    def mark_published(self, info: Mapping[str, Any]) -> None:
        """Marks the folder complete; for writers that put its files in place themselves."""
        stamp = datetime.now(UTC).isoformat(timespec="seconds")
        content = json.dumps({"published_at": stamp, **info}, indent=1)  # in the order that `info` has
        self.lake.store.write(f"{self.prefix}/{_DONE}", content.encode())

    def info(self) -> dict[str, Any]:
        """What was said of the folder when it was published. Raises NotFoundError before that."""
        if not self.is_published():
            raise NotFoundError(self.lake.store.url_of(self.prefix), fix="Materialize the asset that makes it.")
        content: dict[str, Any] = json.loads(self.lake.store.read(f"{self.prefix}/{_DONE}"))
        return content

    def fetch(self, target: Path) -> Path:
        """The folder on this machine: itself in a local lake, else a download into `target`."""
        self.info()
        if self.local_folder is not None:
            return self.local_folder
        self.lake.store.download_folder(self.prefix, target)
        return target
