"""The model registry: approvals stay, numbers are not given twice, and EventBridge hears of changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from retail_forecast_tests.emulator.jobs import Desk


@pytest.fixture
def group(desk: Desk) -> Iterator[str]:
    desk.sagemaker.create_model_package_group(ModelPackageGroupName=desk.bucket)
    yield desk.bucket
    for package in versions(desk, desk.bucket):
        desk.sagemaker.delete_model_package(ModelPackageName=package["ModelPackageArn"])
    desk.sagemaker.delete_model_package_group(ModelPackageGroupName=desk.bucket)


def register(desk: Desk, group: str, **more: Any) -> str:
    return str(desk.sagemaker.create_model_package(ModelPackageGroupName=group, **more)["ModelPackageArn"])


def versions(desk: Desk, group: str, **more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = desk.sagemaker.list_model_packages(ModelPackageGroupName=group, **more)[
        "ModelPackageSummaryList"
    ]
    return found


def test_an_approval_stays_when_something_else_is_updated(desk: Desk, group: str) -> None:
    arn = register(desk, group, CustomerMetadataProperties={"a": "1", "b": "2"})
    assert desk.sagemaker.describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"] == "PendingManualApproval"
    desk.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="ok")
    desk.sagemaker.update_model_package(
        ModelPackageArn=arn, CustomerMetadataProperties={"b": "3"}, CustomerMetadataPropertiesToRemove=["a"]
    )
    package = desk.sagemaker.describe_model_package(ModelPackageName=arn)
    assert (package["ModelApprovalStatus"], package["ApprovalDescription"]) == ("Approved", "ok")
    assert package["CustomerMetadataProperties"] == {"b": "3"}


def test_a_deleted_version_does_not_free_its_number(desk: Desk, group: str) -> None:
    first, _second = register(desk, group), register(desk, group)
    desk.sagemaker.delete_model_package(ModelPackageName=first)
    assert register(desk, group).endswith(f"{group}/3")
    assert [row["ModelPackageVersion"] for row in versions(desk, group)] == [2, 3]
    assert [row["ModelPackageVersion"] for row in versions(desk, group, SortOrder="Descending")] == [3, 2]


def test_packages_are_found_by_their_approval(desk: Desk, group: str) -> None:
    register(desk, group)
    register(desk, group, ModelApprovalStatus="Approved")
    assert [row["ModelPackageVersion"] for row in versions(desk, group, ModelApprovalStatus="Approved")] == [2]


def test_a_group_with_packages_is_not_deleted(desk: Desk, group: str) -> None:
    register(desk, group)
    with pytest.raises(desk.sagemaker.exceptions.ConflictException, match="has model packages"):
        desk.sagemaker.delete_model_package_group(ModelPackageGroupName=group)


def test_what_does_not_exist_is_named(desk: Desk) -> None:
    with pytest.raises(desk.sagemaker.exceptions.ClientError, match="model-package-group/nobodys does not exist"):
        register(desk, "nobodys")


def test_a_changed_approval_is_an_event(desk: Desk, group: str) -> None:
    sqs, events = desk.cloud.client("sqs"), desk.cloud.client("events")
    url = sqs.create_queue(QueueName=group)["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.sagemaker"], "detail": {"ModelPackageGroupName": [group]}}
    events.put_rule(Name=group, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=group, Targets=[{"Id": "queue", "Arn": queue}])
    arn = register(desk, group)
    desk.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Rejected")
    bodies = [
        json.loads(message["Body"])["detail"]["ModelApprovalStatus"]
        for _ in range(2)
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1, WaitTimeSeconds=5)["Messages"]
    ]
    assert sorted(bodies) == ["PendingManualApproval", "Rejected"]
