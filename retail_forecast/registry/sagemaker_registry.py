"""The registry in SageMaker: a model package group per dataset, and its approvals are the stages.

Champion is the approved package whose approval is the newest. So a person who approves or rejects in AWS decides as
much as the gate does, two promotions at once leave one champion, and rejecting the champion brings back the one before.
Waiting for approval is a challenger, approved before is retired.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from retail_forecast import __version__
from retail_forecast.aws import aws_errors
from retail_forecast.errors import AwsError, ConfigurationError, NotFoundError, RegistryError
from retail_forecast.lake.stores import open_store
from retail_forecast.models.bundle import Bundle
from retail_forecast.registry.archive import ARCHIVE, pack_folder, unpack_folder
from retail_forecast.registry.copies import take_copy
from retail_forecast.registry.model_packages import (
    CUTOFF,
    DIGEST,
    Listed,
    Package,
    PackageGroup,
    fitting_properties,
)
from retail_forecast.registry.port import TRAINING_JOB, ModelVersion, Stage
from retail_forecast.scratch import scratch_folder

_METRICS = "metrics.json"
_OURS = "retail_forecast."
_METRIC = "metric."


class SageMakerRegistry:
    """Models in the SageMaker Model Registry; bundles and metrics lie below the S3 URL `url`.

    image: the container that answers from a bundle; by default the serving image of this version in the account's own
    registry of images.
    """

    def __init__(self, *, group: str, url: str, region: str, image: str | None = None) -> None:
        if not url.startswith("s3://"):
            expected = "an S3 URL such as s3://bucket/registry, since SageMaker reads models from S3 alone"
            raise ConfigurationError(key="RETAIL_FORECAST_REGISTRY_URL", found=url, expected=expected)
        self._group, self._url, self._region, self._image = PackageGroup(group, region=region), url, region, image

    def register(self, bundle: Path, *, metrics: Mapping[str, float], tags: Mapping[str, str]) -> ModelVersion:
        """See ModelRegistry."""
        loaded = Bundle.load(bundle)
        with self._asking():
            known = self._find(loaded.digest)
            arn = known.arn if known is not None else self._create(loaded, metrics, tags)
            return self._version(self._group.describe(arn))

    def promote(self, version: str) -> ModelVersion:
        """See ModelRegistry."""
        with self._asking():
            found = self._read(version)
            present = self._champion()
            if present is None or present.arn != found.arn:
                now = datetime.now(UTC).isoformat(timespec="milliseconds")
                self._group.decide(found, "Approved", f"Promoted by retail-forecast at {now}.")
            return self._version(self._group.describe(found.arn))

    def reject(self, version: str, reason: str) -> ModelVersion:
        """See ModelRegistry."""
        with self._asking():
            found = self._read(version)
            present = self._champion()
            if present is not None and present.arn == found.arn:
                raise RegistryError(f"Version {version} is the champion. Promote another version before rejecting it.")
            self._group.decide(found, "Rejected", reason)
            return self._version(self._group.describe(found.arn))

    def champion(self) -> ModelVersion | None:
        """See ModelRegistry."""
        with self._asking():
            found = self._champion()
            return self._as_version(found, "champion") if found is not None else None

    def get(self, version: str) -> ModelVersion:
        """See ModelRegistry."""
        with self._asking():
            return self._version(self._read(version))

    def versions(self) -> list[ModelVersion]:
        """See ModelRegistry."""
        with self._asking():
            packages = self._group.describe_all(self._group.list())
            champion = _newest_approved(packages)
            return [self._as_version(one, _stage(one, champion)) for one in packages]

    def fetch(self, version: str, target: Path) -> Path:
        """See ModelRegistry. Raises RegistryError when `target` holds something else or the copy is not whole."""
        with self._asking():
            found = self._read(version)
            return take_copy(
                target,
                digest=found.digest,
                version=version,
                source=found.bundle_url,
                download=lambda aside: _download(found.bundle_url, aside),
            )

    def remove(self, version: str) -> None:
        """See ModelRegistry."""
        with self._asking():
            found, present = self._read(version), self._champion()
            if present is not None and present.arn == found.arn:
                raise RegistryError(f"Version {version} is the champion. Promote another version before removing it.")
            self._group.delete(found.arn)
            store = open_store(found.bundle_url.removesuffix(f"/{ARCHIVE}"))
            for info in store.list():
                store.delete(info.path)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            with aws_errors(f"Model package group {self._group.name}"):
                yield
        except AwsError as error:
            raise RegistryError(str(error)) from error

    def _find(self, digest: str) -> Listed | None:
        return next((one for one in self._group.list() if one.digest == digest), None)

    def _create(self, bundle: Bundle, metrics: Mapping[str, float], tags: Mapping[str, str]) -> str:
        """The ARN of a new package, or of the one that somebody else made of the same bundle at the same time."""
        group = self._group.ensure(f"Demand forecasts of {bundle.origin.get('dataset', 'one dataset')}.")
        folder = f"{self._group.name}/{bundle.digest}"
        _upload(bundle, metrics, self._url, folder)
        url = f"{self._url.rstrip('/')}/{folder}"
        ours = {DIGEST: bundle.digest, CUTOFF: bundle.training_cutoff.isoformat()}
        arn = self._group.create(
            bundle.digest,
            image=self._image or _own_image(group),
            bundle_url=f"{url}/{ARCHIVE}",
            metrics_url=f"{url}/{_METRICS}",
            properties=fitting_properties(
                {**tags, **ours},
                {f"{_METRIC}{name}": f"{value:.6g}" for name, value in metrics.items()},
            ),
            origin=tags.get(TRAINING_JOB, ""),
        )
        first = self._find(bundle.digest)
        if first is None or first.arn == arn:
            return arn
        self._group.delete(arn)
        return first.arn

    def _read(self, version: str) -> Package:
        listed = self._group.list()
        found = next((one for one in listed if str(one.version) == version), None)
        if found is None:
            known = ", ".join(str(one.version) for one in listed) or "none"
            raise NotFoundError(f"Model version {version!r}", fix=f"Registered versions: {known}.")
        return self._group.describe(found.arn)

    def _champion(self) -> Package | None:
        return _newest_approved(self._group.describe_all(self._group.list("Approved")))

    def _version(self, package: Package) -> ModelVersion:
        champion = self._champion() if package.approval == "Approved" else None
        return self._as_version(package, _stage(package, champion))

    def _as_version(self, package: Package, stage: Stage) -> ModelVersion:
        others = (_OURS, _METRIC)
        tags = {name: text for name, text in package.properties.items() if not name.startswith(others)}
        return ModelVersion(
            version=str(package.version),
            bundle_digest=package.digest,
            metrics=_read_metrics(package.metrics_url),
            tags=tags,
            stage=stage,
            training_cutoff=package.training_cutoff,
            created_at=package.created_at.astimezone(UTC),
            resource=package.arn,
            rejection=package.reason if stage == "rejected" else None,
            decided_by=package.decided_by,
        )


def _newest_approved(packages: Sequence[Package]) -> Package | None:
    approved = [one for one in packages if one.approval == "Approved"]
    return max(approved, key=lambda one: (one.decided_at, one.version), default=None)


def _stage(package: Package, champion: Package | None) -> Stage:
    if package.approval == "Approved":
        return "champion" if champion is not None and champion.arn == package.arn else "retired"
    return "rejected" if package.approval == "Rejected" else "challenger"


def _upload(bundle: Bundle, metrics: Mapping[str, float], url: str, prefix: str) -> None:
    """The bundle as an archive, and its metrics as Studio shows them."""
    with scratch_folder("registry") as folder:
        pack_folder(bundle.path, folder)
        shown = {"regression_metrics": {name: {"value": value} for name, value in metrics.items()}}
        (folder / _METRICS).write_text(json.dumps(shown, indent=1), encoding="utf-8")
        open_store(url).upload_folder(folder, prefix)


def _download(bundle_url: str, aside: Path) -> Path:
    store = open_store(bundle_url.removesuffix(f"/{ARCHIVE}"))
    store.download_folder("", aside)
    return unpack_folder(aside / ARCHIVE, aside / "bundle")


def _read_metrics(url: str) -> dict[str, float]:
    folder, _, name = url.rpartition("/")
    found = json.loads(open_store(folder).read(name))["regression_metrics"]
    return {metric: float(one["value"]) for metric, one in found.items()}


def _own_image(group_arn: str) -> str:
    _, _, _, region, account, _ = group_arn.split(":", 5)
    return f"{account}.dkr.ecr.{region}.amazonaws.com/retail-forecast-serving:{__version__}"
