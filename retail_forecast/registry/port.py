"""The registry as the rest of the platform sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Literal, Protocol

TRAINING_JOB = "training_job"
"""The tag that names the training job behind a bundle, where there is such a name."""

Stage = Literal["challenger", "champion", "retired", "rejected"]


@dataclass(frozen=True)
class ModelVersion:
    """One registered model. `created_at` is in UTC; `rejection` says why a rejected one was.

    decided_by: who approved or rejected it, as the registry knows them; None where it does not, and before a decision.

    resource: what the registry itself calls it: models:/retail-forecast/3, or the ARN of a model package.
    """

    version: str
    bundle_digest: str
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    stage: Stage
    training_cutoff: date
    created_at: datetime
    resource: str
    rejection: str | None = None
    decided_by: str | None = None


class ModelRegistry(Protocol):
    """Keeps bundles and their stages. A version starts as challenger; at most one is champion.

    Every question may raise RegistryError, and NotFoundError for a version that there is not.
    """

    def register(self, bundle: Path, *, metrics: Mapping[str, float], tags: Mapping[str, str]) -> ModelVersion:
        """Stores a bundle as a new version. The same content again is the version it was, unchanged."""
        ...

    def promote(self, version: str) -> ModelVersion:
        """Makes a version champion and retires the present one. A rollback promotes an older version."""
        ...

    def reject(self, version: str, reason: str) -> ModelVersion:
        """Notes why a version did not become champion. The present champion cannot be rejected."""
        ...

    def champion(self) -> ModelVersion | None:
        """The champion, if there is one."""
        ...

    def get(self, version: str) -> ModelVersion:
        """One version."""
        ...

    def versions(self) -> list[ModelVersion]:
        """Every version, the one that was registered last first."""
        ...

    def remove(self, version: str) -> None:
        """Removes a version and its bundle for good; its number is not given again. The champion cannot be removed."""
        ...

    def fetch(self, version: str, target: Path) -> Path:
        """Copies a version's bundle to the folder `target` and checks that it is what was registered."""
        ...
