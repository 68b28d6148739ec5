"""Clients of AWS and what their refusals say."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from retail_forecast.aws import aws_client, aws_errors
from retail_forecast.errors import AwsError


def test_a_client_has_the_region_and_the_retries_it_was_asked_for() -> None:
    client = aws_client("s3", region="eu-north-1", attempts=3)
    assert client.meta.region_name == "eu-north-1"
    assert client.meta.config.retries == {"mode": "standard", "total_max_attempts": 3}


@pytest.mark.parametrize(
    ("code", "fix"),
    [
        ("AccessDenied", "docs/permissions.md"),
        ("AccessDeniedException", "docs/permissions.md"),
        ("ExpiredToken", "aws sso login"),
        ("ResourceLimitExceeded", "quota"),
        ("SlowDown", "try again later"),
        ("SomethingNew", "GetObject in the reference"),
    ],
)
def test_a_refusal_names_the_culprit_the_call_and_the_fix(code: str, fix: str) -> None:
    with (
        pytest.raises(AwsError, match=r"s3://lake/table.*GetObject: not you") as refused,
        aws_errors("s3://lake/table"),
    ):
        raise ClientError({"Error": {"Code": code, "Message": "not you"}}, "GetObject")
    assert refused.value.code == code
    assert fix in str(refused.value)


def test_missing_credentials_are_named() -> None:
    with pytest.raises(AwsError, match="Sign in"), aws_errors("s3://lake"):
        raise NoCredentialsError
