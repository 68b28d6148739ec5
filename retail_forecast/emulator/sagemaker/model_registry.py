"""The calls on the model registry of one region: groups, and their numbered packages.

moto has most of them, but it forgets an approval with every update, deletes nothing, and gives a number twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from retail_forecast.emulator.sagemaker.errors import RefusedError
from retail_forecast.emulator.sagemaker.listing import page_of
from retail_forecast.emulator.sagemaker.tags import Tags
from retail_forecast.emulator.sagemaker.training_jobs import ACCOUNT

_IN_SUMMARY = (
    *("ModelPackageName", "ModelPackageGroupName", "ModelPackageVersion", "ModelPackageArn"),
    *("ModelPackageDescription", "CreationTime", "ModelPackageStatus", "ModelApprovalStatus"),
)
_REPLACED = (
    *("ModelApprovalStatus", "ApprovalDescription", "InferenceSpecification", "SourceUri", "ModelCard"),
    *("ModelLifeCycle", "ModelPackageRegistrationType"),
)

_ASKING = {"IamIdentity": {"Arn": f"arn:aws:sts::{ACCOUNT}:user/moto", "PrincipalId": "AKIAIOSFODNN7EXAMPLE"}}
"""Whoever asks; the same that GetCallerIdentity tells."""


@dataclass
class ModelRegistry:
    """Groups by name and packages by ARN. `publish` gets the detail of each change of an approval."""

    region: str
    tags: Tags
    publish: Callable[[str, dict[str, Any]], None]
    _groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    _packages: dict[str, dict[str, Any]] = field(default_factory=dict)
    _versions: dict[str, int] = field(default_factory=dict)

    def create_group(self, request: dict[str, Any]) -> dict[str, Any]:
        """CreateModelPackageGroup."""
        name = request["ModelPackageGroupName"]
        arn = self._arn("model-package-group", name)
        if name in self._groups:
            raise _invalid(f"Model Package Group already exists: Model Package Group {arn} already exists.")
        self._groups[name] = _without_tags(request) | {
            "ModelPackageGroupArn": arn,
            "CreationTime": time.time(),
            "CreatedBy": {},
            "ModelPackageGroupStatus": "Completed",
        }
        self.tags.own(arn, request)
        return {"ModelPackageGroupArn": arn}

    def describe_group(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """DescribeModelPackageGroup."""
        return self._group(request["ModelPackageGroupName"])

    def list_groups(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """ListModelPackageGroups."""
        rows = list(self._groups.values())
        return page_of(rows, request, name="ModelPackageGroupName", key="ModelPackageGroupSummaryList")

    def delete_group(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """DeleteModelPackageGroup; one with packages is refused."""
        group = self._group(request["ModelPackageGroupName"])
        if self._of_group(group["ModelPackageGroupName"]):
            raise RefusedError("ConflictException", "Model Package Group cannot be deleted: it has model packages.")
        del self._groups[group["ModelPackageGroupName"]]
        self.tags.disown(group["ModelPackageGroupArn"])
        return {}

    def create_package(self, request: dict[str, Any]) -> dict[str, Any]:
        """CreateModelPackage. A version's number is never given again, even after it was deleted."""
        group, name = request.get("ModelPackageGroupName"), request.get("ModelPackageName")
        if bool(group) == bool(name):
            raise _invalid("Exactly one of ModelPackageGroupName and ModelPackageName is needed.")
        own: dict[str, Any] = {"ModelPackageName": name}
        if group:
            group = self._group(group)["ModelPackageGroupName"]
            version = self._versions[group] = self._versions.get(group, 0) + 1
            status = request.get("ModelApprovalStatus", "PendingManualApproval")
            own = {"ModelPackageName": group, "ModelPackageGroupName": group, "ModelPackageVersion": version}
            own["ModelApprovalStatus"] = status
            name = f"{group}/{version}"
        arn = self._arn("model-package", str(name))
        if arn in self._packages:
            raise RefusedError("ConflictException", f"Model Package {arn} already exists.")
        self._packages[arn] = (
            _without_tags(request)
            | own
            | {
                "ModelPackageArn": arn,
                "CreationTime": time.time(),
                "CreatedBy": {},
                "ModelPackageStatus": "Completed",
                "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
            }
        )
        self.tags.own(arn, request)
        self._tell(self._packages[arn])
        return {"ModelPackageArn": arn}

    def describe_package(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """DescribeModelPackage."""
        return self._package(request["ModelPackageName"])

    def list_packages(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """ListModelPackages: those of a group, or those without one."""
        group, approval = request.get("ModelPackageGroupName"), request.get("ModelApprovalStatus")
        kind = "Versioned" if group else request.get("ModelPackageType", "Unversioned")
        packages = self._of_group(_last(group)) if group else list(self._packages.values())
        rows = [
            {key: package[key] for key in _IN_SUMMARY if key in package}
            for package in packages
            if kind in ("Both", "Versioned" if "ModelPackageVersion" in package else "Unversioned")
            and approval in (None, package.get("ModelApprovalStatus"))
        ]
        return page_of(rows, request, name="ModelPackageArn", key="ModelPackageSummaryList")

    def update_package(self, request: dict[str, Any]) -> dict[str, Any]:
        """UpdateModelPackage; what the request does not name stays as it is."""
        package = self._package(request["ModelPackageArn"])
        before = package.get("ModelApprovalStatus")
        package |= {key: request[key] for key in _REPLACED if key in request}
        properties = {
            **(package.get("CustomerMetadataProperties") or {}),
            **(request.get("CustomerMetadataProperties") or {}),
        }
        for key in request.get("CustomerMetadataPropertiesToRemove") or []:
            properties.pop(key, None)
        package["CustomerMetadataProperties"] = properties
        more = request.get("AdditionalInferenceSpecificationsToAdd") or []
        if more:
            package["AdditionalInferenceSpecifications"] = [
                *package.get("AdditionalInferenceSpecifications", []),
                *more,
            ]
        package |= {"LastModifiedTime": time.time(), "LastModifiedBy": _ASKING}
        if package.get("ModelApprovalStatus") != before:
            self._tell(package)
        return {"ModelPackageArn": package["ModelPackageArn"]}

    def delete_package(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """DeleteModelPackage."""
        arn = self._package(request["ModelPackageName"])["ModelPackageArn"]
        del self._packages[arn]
        self.tags.disown(arn)
        return {}

    def _arn(self, kind: str, name: str) -> str:
        return f"arn:aws:sagemaker:{self.region}:{ACCOUNT}:{kind}/{name}"

    def _group(self, name: str) -> dict[str, Any]:
        if _last(name) not in self._groups:
            raise _invalid(f"ModelPackageGroup {self._arn('model-package-group', _last(name))} does not exist.")
        return self._groups[_last(name)]

    def _of_group(self, name: str) -> list[dict[str, Any]]:
        return [package for package in self._packages.values() if package.get("ModelPackageGroupName") == name]

    def _package(self, name: str) -> dict[str, Any]:
        arn = name if name.startswith("arn:") else self._arn("model-package", name)
        if arn not in self._packages:
            raise _invalid(f"ModelPackage {arn} does not exist.")
        return self._packages[arn]

    def _tell(self, package: Mapping[str, Any]) -> None:
        keys = (*_IN_SUMMARY, "ApprovalDescription", "CustomerMetadataProperties")
        detail = {key: package[key] for key in keys if key in package}
        self.publish("SageMaker Model Package State Change", detail)


def _last(name: str) -> str:
    """
    >>> _last("arn:aws:sagemaker:eu-west-1:123456789012:model-package-group/shop")
    'shop'
    """
    return name.rsplit("/", 1)[-1]


def _without_tags(request: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in request.items() if key not in ("Tags", "ClientToken")}


def _invalid(message: str) -> RefusedError:
    return RefusedError("ValidationException", message)
