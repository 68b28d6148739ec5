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


def test_a_client_is_made_once_for_one_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    first = aws_client("s3", region="eu-north-1")
    assert aws_client("s3", region="eu-north-1") is first
    assert aws_client("s3", region="eu-west-1") is not first
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert aws_client("s3", region="eu-north-1").meta.endpoint_url == "http://127.0.0.1:9"


def test_credentials_that_were_refused_are_looked_for_anew() -> None:
    first = aws_client("s3", region="eu-north-1")
    with pytest.raises(AwsError), aws_errors("s3://bucket/key"):
        raise ClientError({"Error": {"Code": "ExpiredToken", "Message": "It expired."}}, "GetObject")
    assert aws_client("s3", region="eu-north-1") is not first
