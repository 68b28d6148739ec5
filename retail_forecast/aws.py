"""Clients of AWS, made in one place: region, retries with backoff and time limits; refusals in plain words."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from retail_forecast.errors import AwsError

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

_FIXES = {
    "AccessDenied": "Grant this action to the role in use; docs/permissions.md lists what each role needs.",
    "ExpiredToken": "The credentials have expired: sign in again (`aws sso login`), or renew the role's session.",
    "InvalidClientTokenId": "AWS does not know these credentials: check AWS_PROFILE or AWS_ACCESS_KEY_ID.",
    "ResourceLimitExceeded": "Ask for a higher quota (Service Quotas), or set a smaller instance type or count.",
    "Throttling": "AWS asked to slow down and the retries are used up: try again later.",
    "InternalError": "AWS itself failed and the retries are used up: try again later.",
    "NoSuchBucket": "Create the bucket, or correct the URL that names it.",
    "AWS.SimpleQueueService.NonExistentQueue": "Create the queue, or correct the URL that names it.",
    "BadRequest": "S3 says no more to this call. Expired credentials are the usual reason: sign in again.",
    "EndpointConnectionError": "Check the network and AWS_ENDPOINT_URL.",
    "NoCredentialsError": "Sign in (`aws sso login`), set AWS_PROFILE, or give the process a role.",
    "ProfileNotFound": "Correct AWS_PROFILE, or make the profile (`aws configure sso`).",
}
_OF_CREDENTIALS = ("ExpiredToken", "InvalidClientTokenId", "NoCredentialsError")
_SAME = {
    "AccessDeniedException": "AccessDenied",
    "UnauthorizedOperation": "AccessDenied",
    "403": "AccessDenied",
    "ExpiredTokenException": "ExpiredToken",
    "RequestExpired": "ExpiredToken",
    "SSOTokenLoadError": "ExpiredToken",
    "TokenRetrievalError": "ExpiredToken",
    "UnauthorizedSSOTokenError": "ExpiredToken",
    "CredentialRetrievalError": "NoCredentialsError",
    "InvalidAccessKeyId": "InvalidClientTokenId",
    "UnrecognizedClientException": "InvalidClientTokenId",
    "SignatureDoesNotMatch": "InvalidClientTokenId",
    "ThrottlingException": "Throttling",
    "TooManyRequestsException": "Throttling",
    "SlowDown": "Throttling",
    "InternalFailure": "InternalError",
    "ServiceUnavailable": "InternalError",
    "500": "InternalError",
    "502": "InternalError",
    "504": "InternalError",
    "QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue",
}


def aws_client(service: str, *, region: str, attempts: int = 5, timeout_seconds: float = 60) -> Any:
    """A client of one service that tries each call `attempts` times, with exponential backoff.

    Credentials and endpoints come from the environment, as in the AWS command line. A client is made once (it may be
    shared between threads, and renews its credentials), since a sensor asks for one at each tick.
    """
    environment = tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith("AWS_")))
    return _client(service, region, attempts, timeout_seconds, environment)


@lru_cache(maxsize=32)
def _client(
    service: str,
    region: str,
    attempts: int,
    timeout_seconds: float,
    _environment: tuple[tuple[str, str], ...],
) -> Any:
    # importing boto3 takes a second, so it happens here and not when this module is loaded
    import boto3
    from botocore.config import Config

    config = Config(
        retries={"mode": "standard", "total_max_attempts": attempts},
        connect_timeout=5,
        read_timeout=timeout_seconds,
    )
    return boto3.session.Session().client(service, region_name=region, config=config)


@contextmanager
def aws_errors(what: str) -> Iterator[None]:
    """Turns what boto3 raises inside into AwsError; `what` names the object of the call, for the message."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _refusal(what, error) from error
    except BotoCoreError as error:
        fix = "Check the network, the region and the credentials."
        raise aws_refusal(what, code=type(error).__name__, message=str(error), otherwise=fix) from error


def aws_refusal(what: str, *, code: str, message: str, otherwise: str | None = None) -> AwsError:
    """The error for a refusal that came as a code of AWS; `otherwise` is the fix where the code is a new one."""
    known = _SAME.get(code, code)
    if known in _OF_CREDENTIALS:
        _client.cache_clear()  # the next call looks for credentials anew: somebody may have signed in
    fix = _FIXES.get(known, otherwise or f"See the error {code} in the reference of AWS.")
    return AwsError(what, code=code, message=message, fix=fix)


def _refusal(what: str, error: ClientError) -> AwsError:
    code = str(error.response.get("Error", {}).get("Code", "unknown"))
    message = str(error.response.get("Error", {}).get("Message", error))
    fix = f"See {error.operation_name} in the reference of AWS."
    return aws_refusal(what, code=code, message=f"{error.operation_name}: {message}", otherwise=fix)
