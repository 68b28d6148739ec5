"""The registry in MLflow: a run per bundle (recipe, metrics, files), a model version, the alias `champion`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retail_forecast.errors import NotFoundError, RegistryError
from retail_forecast.models.bundle import Bundle
from retail_forecast.registry.copies import take_copy
from retail_forecast.registry.mlflow_client import connect, delete_artifacts, is_local, locked, mlflow_errors
from retail_forecast.registry.port import ModelVersion, Stage

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

MODEL_NAME = "retail-forecast"
_CHAMPION = "champion"
_BUNDLE = "bundle"
_OURS = "retail_forecast."
_DIGEST, _CUTOFF = f"{_OURS}bundle_digest", f"{_OURS}training_cutoff"
_PROMOTED, _REJECTED = f"{_OURS}promoted_at", f"{_OURS}rejected"


class MlflowRegistry:
    """Models in MLflow. With SQLite the bundles lie below `folder`, and writers of this machine take turns."""

    def __init__(self, *, uri: str, folder: Path, name: str = MODEL_NAME) -> None:
        self._uri, self._folder, self._name = uri, folder, name

    def register(self, bundle: Path, *, metrics: Mapping[str, float], tags: Mapping[str, str]) -> ModelVersion:
        """See ModelRegistry."""
        loaded = Bundle.load(bundle)
        with self._writing() as client:
            if known := self._search(f"tags.`{_DIGEST}` = '{loaded.digest}'"):
                return self._describe(self._read(str(known[0].version)))  # what a search finds has no aliases
            run_id = self._run_of(loaded.digest)
            self._fill_run(run_id, loaded, metrics, tags)
            ours = {_DIGEST: loaded.digest, _CUTOFF: loaded.training_cutoff.isoformat()}
            source = f"{client.get_run(run_id).info.artifact_uri}/{_BUNDLE}"
            return self._describe(client.create_model_version(self._name, source, run_id, tags={**tags, **ours}))

    def promote(self, version: str) -> ModelVersion:
        """See ModelRegistry."""
        with self._writing() as client:
            found = self._read(version)
            number, now = str(found.version), datetime.now(UTC).isoformat(timespec="seconds")
            client.set_model_version_tag(self._name, number, _PROMOTED, now)
            if _REJECTED in found.tags:
                client.delete_model_version_tag(self._name, number, _REJECTED)
            client.set_registered_model_alias(self._name, _CHAMPION, number)
            return self._describe(self._read(number))

    def reject(self, version: str, reason: str) -> ModelVersion:
        """See ModelRegistry."""
        with self._writing() as client:
            found = self._read(version)
            if _CHAMPION in found.aliases:
                raise RegistryError(f"Version {version} is the champion. Promote another version before rejecting it.")
            client.set_model_version_tag(self._name, str(found.version), _REJECTED, reason)
            return self._describe(self._read(version))

    def champion(self) -> ModelVersion | None:
        """See ModelRegistry."""
        with self._asking():
            registered = self._registered()
            number = registered.aliases.get(_CHAMPION) if registered else None
            return self._describe(self._read(number)) if number is not None else None

    def get(self, version: str) -> ModelVersion:
        """See ModelRegistry."""
        with self._asking():
            return self._describe(self._read(version))

    def versions(self) -> list[ModelVersion]:
        """See ModelRegistry."""
        with self._asking():
            numbers = sorted((int(found.version) for found in self._search()), reverse=True)
            return [self._describe(self._read(str(number))) for number in numbers]

    def fetch(self, version: str, target: Path) -> Path:
        """See ModelRegistry. Raises RegistryError when `target` holds something else or the copy is not whole."""
        with self._asking():
            found = self._read(version)
            return take_copy(
                target,
                digest=found.tags[_DIGEST],
                version=version,
                source=found.source,
                download=lambda aside: Path(self._client.download_artifacts(found.run_id, _BUNDLE, str(aside))),
            )

    def remove(self, version: str) -> None:
        """See ModelRegistry."""
        with self._writing() as client:
            found = self._read(version)
            if _CHAMPION in found.aliases:
                raise RegistryError(f"Version {version} is the champion. Promote another version before removing it.")
            client.delete_model_version(self._name, str(found.version))  # first, so that nobody begins to fetch it
            delete_artifacts(client.get_run(found.run_id).info.artifact_uri)
            client.delete_run(found.run_id)

    @cached_property
    def _client(self) -> MlflowClient:
        with locked(self._folder):
            return connect(self._uri)

    @contextmanager
    def _asking(self) -> Iterator[MlflowClient]:
        try:
            yield self._client
        except mlflow_errors() as error:
            raise RegistryError(f"MLflow at {self._uri} refused: {error}. Check that it can be reached.") from error

    @contextmanager
    def _writing(self) -> Iterator[MlflowClient]:
        # The lock is taken after the client is there, which takes it as well.
        with self._asking() as client, locked(self._folder):
            yield client

    def _registered(self) -> Any | None:
        return next(iter(self._client.search_registered_models(f"name = '{self._name}'")), None)

    def _search(self, condition: str | None = None) -> list[Any]:
        mine = f"name = '{self._name}'"
        found: list[Any] = []
        token: str | None = None
        while token is None or token:
            page = self._client.search_model_versions(
                f"{mine} and {condition}" if condition else mine, page_token=token
            )
            found, token = [*found, *page], page.token or ""
        return found

    def _read(self, version: str) -> Any:
        from mlflow.exceptions import MlflowException

        try:
            return self._client.get_model_version(self._name, version)
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
            known = ", ".join(str(found.version) for found in self._search()) or "none"
            raise NotFoundError(f"Model version {version!r}", fix=f"Registered versions: {known}.") from error

    def _run_of(self, digest: str) -> str:
        """The run of a bundle; one that a killed registration began is taken up again."""
        if self._registered() is None:
            self._client.create_registered_model(self._name)
        experiment = self._client.get_experiment_by_name(self._name)
        location = (self._folder / "artifacts").as_uri() if is_local(self._uri) else None
        id_ = experiment.experiment_id if experiment else self._client.create_experiment(self._name, location)
        begun = self._client.search_runs([id_], f"tags.`{_DIGEST}` = '{digest}'")
        return str((begun[0] if begun else self._client.create_run(id_, tags={_DIGEST: digest})).info.run_id)

    def _fill_run(self, run_id: str, bundle: Bundle, metrics: Mapping[str, float], tags: Mapping[str, str]) -> None:
        from mlflow.entities import Metric, Param, RunTag

        now = int(datetime.now(UTC).timestamp() * 1000)
        self._client.log_batch(
            run_id,
            metrics=[Metric(name, value, now, 0) for name, value in metrics.items()],
            params=[Param(name, str(value)) for name, value in bundle.recipe.to_json().items()],
            tags=[RunTag(name, value) for name, value in tags.items()],
        )
        self._client.log_artifacts(run_id, str(bundle.path), _BUNDLE)
        self._client.set_terminated(run_id)

    def _describe(self, found: Any) -> ModelVersion:
        return ModelVersion(
            version=str(found.version),
            bundle_digest=found.tags[_DIGEST],
            metrics=dict(self._client.get_run(found.run_id).data.metrics),
            tags={name: value for name, value in found.tags.items() if not name.startswith(_OURS)},
            stage=_stage(found),
            training_cutoff=date.fromisoformat(found.tags[_CUTOFF]),
            created_at=datetime.fromtimestamp(found.creation_timestamp / 1000, UTC),
            resource=f"models:/{self._name}/{found.version}",
            rejection=found.tags.get(_REJECTED),
        )


def _stage(found: Any) -> Stage:
    if _CHAMPION in found.aliases:
        return "champion"
    if _REJECTED in found.tags:
        return "rejected"
    return "retired" if _PROMOTED in found.tags else "challenger"
