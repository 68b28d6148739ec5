"""The versions of one model package group, as SageMaker keeps them: a package per bundle, with its approval.

A package's description names the digest of its bundle, since that much a listing shows: whether a bundle is known takes
one call per hundred packages. Packages of the group that name none were registered by something else and are left out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any, Literal

from retail_forecast.aws import aws_client

Approval = Literal["PendingManualApproval", "Approved", "Rejected"]

DIGEST, CUTOFF = "retail_forecast.bundle_digest", "retail_forecast.training_cutoff"
_DESCRIBED = re.compile(r"Bundle ([0-9a-f]{64})")
_PROPERTIES, _TEXT = 50, 1024
_CALLS_AT_ONCE = 8


@dataclass(frozen=True)
class Listed:
    """One package as a listing shows it."""

    arn: str
    version: int
    digest: str
    approval: Approval


@dataclass(frozen=True)
class Package(Listed):
    """One package in full. decided_at, decided_by: when SageMaker last noted a change of it, which is its approval, and
    the ARN of whoever made it.
    """

    reason: str
    properties: Mapping[str, str]
    bundle_url: str
    metrics_url: str
    created_at: datetime
    decided_at: datetime
    decided_by: str | None

    @property
    def training_cutoff(self) -> date:
        """The last day that the model saw."""
        return date.fromisoformat(self.properties[CUTOFF])


class PackageGroup:
    """Calls about one group; what AWS refuses is raised as boto3 raises it."""

    def __init__(self, name: str, *, region: str) -> None:
        self.name, self._region = name, region

    def list(self, approval: Approval | None = None) -> list[Listed]:
        """The packages by version, the newest first; none before the group is there."""
        wanted = {"ModelApprovalStatus": approval} if approval else {}
        found: dict[str, Listed] = {}
        for one in sorted(self._pages(**wanted), key=lambda one: one.version):
            found.setdefault(one.digest, one)  # of two that were registered at the same instant the first counts
        return sorted(found.values(), key=lambda one: one.version, reverse=True)

    def describe(self, arn: str) -> Package:
        """Everything about one package."""
        raw = self._client.describe_model_package(ModelPackageName=arn)
        (container,) = raw["InferenceSpecification"]["Containers"]
        return Package(
            **vars(_listed(raw)),
            reason=raw.get("ApprovalDescription", ""),
            properties=raw["CustomerMetadataProperties"],
            bundle_url=container["ModelDataUrl"],
            metrics_url=raw["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"],
            created_at=raw["CreationTime"],
            decided_at=raw.get("LastModifiedTime") or raw["CreationTime"],
            decided_by=_identity(raw.get("LastModifiedBy") or {}),
        )

    def describe_all(self, listed: Sequence[Listed]) -> Sequence[Package]:
        """Everything about each, in their order; some calls at a time, since a listing does not tell of decisions."""
        with ThreadPoolExecutor(_CALLS_AT_ONCE) as pool:
            return tuple(pool.map(self.describe, [one.arn for one in listed]))

    def ensure(self, description: str) -> str:
        """The group's ARN; it is made if there is none."""
        if (arn := self._arn()) is None:
            from botocore.exceptions import ClientError

            made = {"ModelPackageGroupName": self.name, "ModelPackageGroupDescription": description}
            try:
                return str(self._client.create_model_package_group(**made)["ModelPackageGroupArn"])
            except ClientError:
                if (arn := self._arn()) is None:  # else somebody made it meanwhile
                    raise
        return arn

    def _arn(self) -> str | None:
        from botocore.exceptions import ClientError

        try:
            found = self._client.describe_model_package_group(ModelPackageGroupName=self.name)
        except ClientError as error:
            if _is_missing(error):
                return None
            raise
        return str(found["ModelPackageGroupArn"])

    def create(
        self, digest: str, *, image: str, bundle_url: str, metrics_url: str, properties: Mapping[str, str], origin: str
    ) -> str:
        """Registers a package that waits for its approval, and returns its ARN. origin: what made the model, an ARN."""
        generated = {"MetadataProperties": {"GeneratedBy": origin}} if origin else {}
        types = ["application/json"]
        made = self._client.create_model_package(
            ModelPackageGroupName=self.name,
            ModelPackageDescription=f"Bundle {digest}, trained on sales until {properties[CUTOFF]}.",
            ModelApprovalStatus="PendingManualApproval",
            InferenceSpecification={
                "Containers": [{"Image": image, "ModelDataUrl": bundle_url}],
                "SupportedContentTypes": types,
                "SupportedResponseMIMETypes": types,
            },
            ModelMetrics={"ModelQuality": {"Statistics": {"ContentType": types[0], "S3Uri": metrics_url}}},
            CustomerMetadataProperties=dict(properties),
            ClientToken=hashlib.sha256(digest.encode()).hexdigest()[:32],
            **generated,
        )
        return str(made["ModelPackageArn"])

    def decide(self, package: Package, approval: Approval, reason: str) -> None:
        """Notes an approval and why. The properties go with it: not every SageMaker keeps what an update leaves out."""
        self._client.update_model_package(
            ModelPackageArn=package.arn,
            ModelApprovalStatus=approval,
            ApprovalDescription=" ".join(reason.split())[:_TEXT],
            CustomerMetadataProperties=dict(package.properties),
        )

    def delete(self, arn: str) -> None:
        """Takes a package out of the group."""
        self._client.delete_model_package(ModelPackageName=arn)

    @cached_property
    def _client(self) -> Any:
        return aws_client("sagemaker", region=self._region)

    def _pages(self, **wanted: str) -> Iterator[Listed]:
        from botocore.exceptions import ClientError

        pages = self._client.get_paginator("list_model_packages").paginate(ModelPackageGroupName=self.name, **wanted)
        try:
            for page in pages:
                for raw in page["ModelPackageSummaryList"]:
                    if _DESCRIBED.search(raw.get("ModelPackageDescription", "")):
                        yield _listed(raw)
        except ClientError as error:
            if not _is_missing(error):
                raise


def fitting_properties(needed: Mapping[str, str], shown: Mapping[str, str]) -> dict[str, str]:
    """`needed`, and as much of `shown` as a package has room for beside it."""
    room = max(_PROPERTIES - len(needed), 0)
    return {**dict(list(shown.items())[:room]), **needed}


def _listed(raw: Mapping[str, Any]) -> Listed:
    digest = _DESCRIBED.search(raw["ModelPackageDescription"])
    return Listed(
        arn=raw["ModelPackageArn"],
        version=raw["ModelPackageVersion"],
        digest=digest[1] if digest else "",
        approval=raw["ModelApprovalStatus"],
    )


def _identity(told: Mapping[str, Any]) -> str | None:
    """A person of Studio has a profile of their own behind a role that they share."""
    return told.get("UserProfileArn") or (told.get("IamIdentity") or {}).get("Arn")


def _is_missing(error: Any) -> bool:
    said = error.response.get("Error", {})
    return said.get("Code") == "ValidationException" and "does not exist" in said.get("Message", "")
