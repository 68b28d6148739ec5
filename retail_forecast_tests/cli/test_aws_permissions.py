"""What roles need, as it is read off recorded calls."""

from __future__ import annotations

import pytest

from retail_forecast.cli.aws_permissions import permissions_markdown, permissions_of


def call(principal: str, permission: str, resource: str | None) -> dict[str, str | None]:
    return {
        "principal": principal,
        "service": permission.split(":")[0],
        "permission": permission,
        "resource": resource,
    }


@pytest.mark.parametrize(
    ("permission", "resource", "pattern"),
    [
        ("s3:GetObject", "shop/lake/tables/sales/1.parquet", "BUCKET/lake/*"),
        ("s3:GetObject", "shop/lake/features/0c1d/features.json", "BUCKET/lake/features/*"),
        ("s3:ListBucket", "shop", "BUCKET"),
        ("sqs:ReceiveMessage", "http://127.0.0.1:1/123456789012/retail-forecast-demo-arrivals", "retail-forecast-*"),
        ("logs:GetLogEvents", "/aws/sagemaker/TrainingJobs", "/aws/sagemaker/TrainingJobs"),
        ("iam:PassRole", "arn:aws:iam::123456789012:role/retail-forecast-training", "retail-forecast-*"),
        ("cloudwatch:PutMetricData", "RetailForecast", "RetailForecast"),
        ("sts:GetCallerIdentity", None, "*"),
    ],
)
def test_a_resource_becomes_what_is_the_same_everywhere(permission: str, resource: str | None, pattern: str) -> None:
    assert permissions_of([call("me", permission, resource)], {"me": "role"}) == [("role", permission, pattern)]


def test_each_need_is_told_once_and_those_of_others_not_at_all() -> None:
    reads = [call("me", "s3:GetObject", f"shop/lake/{number}") for number in range(3)]
    rows = permissions_of([*reads, call("somebody", "s3:DeleteObject", "shop/lake/1")], {"me": "orchestrator"})
    assert permissions_markdown(rows) == (
        "| role | action | on |\n| --- | --- | --- |\n| orchestrator | `s3:GetObject` | `BUCKET/lake/*` |\n"
    )


def test_a_folder_within_one_that_is_needed_anyway_is_not_told() -> None:
    paths = ("features/0c1d/features.json", "tables/sales/1.parquet")
    reads = [call(who, "s3:GetObject", f"shop/lake/{path}") for who, path in (("me", paths[0]), ("me", paths[1]))]
    job = call("job", "s3:GetObject", f"shop/lake/{paths[0]}")
    assert permissions_of([*reads, job], {"me": "orchestrator", "job": "training job"}) == [
        ("orchestrator", "s3:GetObject", "BUCKET/lake/*"),
        ("training job", "s3:GetObject", "BUCKET/lake/features/*"),
    ]
