"""S3 as the lake reaches it: region, endpoint, encryption, retries and credentials for obstore and for Polars."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import polars as pl
from obstore.exceptions import AlreadyExistsError, BaseError

from retail_forecast.aws import aws_errors, aws_refusal
from retail_forecast.errors import AwsError
from retail_forecast.settings import load_settings

SCHEMES = ("s3", "s3a")
MAX_RETRIES = 10
_FIRST_PAUSE, _LONGEST_PAUSE, _RETRY_TIMEOUT = (timedelta(seconds=seconds) for seconds in (0.3, 5, 60))
_PAUSE_GROWS = 3  # each pause lies between the first one and three times the one before: at 2 they hardly grow
_GOOD_FOR = timedelta(minutes=10)  # boto3 renews what expires sooner, so what it gives is good for so long at least
_NATIVE = ("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
_NO_CREDENTIALS = "NoCredentialsError"
_STATUS = {"400": "BadRequest", "401": "InvalidClientTokenId", "403": "AccessDenied", "503": "SlowDown"}


def obstore_options(*, region: str | None, kms_key: str | None) -> dict[str, Any]:
    """What obstore needs beside a bucket's URL. Region and key are the settings' unless they are given.

    Calls that fail by a 5xx (SlowDown among them) or a broken connection are tried ten times more, with exponential
    backoff and jitter: for 25 s as a rule, for a minute at most.
    """
    settings = load_settings()
    options: dict[str, Any] = {"region": region or settings.aws_region}
    if (key := kms_key or settings.lake_kms_key) is not None:
        options |= {"server_side_encryption": "aws:kms", "sse_kms_key_id": key, "sse_bucket_key_enabled": True}
    if (endpoint := _endpoint()) is not None:
        options |= {"endpoint": endpoint, "client_options": {"allow_http": endpoint.startswith("http://")}}
    if not _has_native_credentials():
        options["credential_provider"] = _credentials_of_boto3()
    backoff = {"init_backoff": _FIRST_PAUSE, "max_backoff": _LONGEST_PAUSE, "base": _PAUSE_GROWS}
    retries = {"max_retries": MAX_RETRIES, "backoff": backoff, "retry_timeout": _RETRY_TIMEOUT}
    return {**options, "retry_config": retries}


def polars_options(*, region: str | None) -> dict[str, Any]:
    """Keywords of `pl.scan_parquet` and its like for the same bucket."""
    options: dict[str, Any] = {
        "aws_region": region or load_settings().aws_region,
        "max_retries": MAX_RETRIES,
        "retry_timeout_ms": _RETRY_TIMEOUT // timedelta(milliseconds=1),
        "retry_init_backoff_ms": _FIRST_PAUSE // timedelta(milliseconds=1),
        "retry_max_backoff_ms": _LONGEST_PAUSE // timedelta(milliseconds=1),
        "retry_base_multiplier": _PAUSE_GROWS,
    }
    if (endpoint := _endpoint()) is not None:
        options |= {"aws_endpoint_url": endpoint, "aws_allow_http": str(endpoint.startswith("http://")).lower()}
    # boto3 takes a second and 58 MB to load: only where Polars finds no credentials by itself
    provider = None if _has_native_credentials() else pl.CredentialProviderAWS()
    return {"storage_options": options, "credential_provider": provider}


@contextmanager
def s3_errors(url: str) -> Iterator[None]:
    """Turns what obstore raises inside into AwsError naming the object; "no such object" and "exists" pass."""
    try:
        yield
    except AlreadyExistsError:
        raise
    except FileNotFoundError as error:
        if "<Code>NoSuchBucket</Code>" in str(error):
            raise _refusal(url, error) from error
        raise
    except BaseError as error:
        raise _refusal(url, error) from error


def s3_refusal_behind(error: BaseException) -> AwsError | None:
    """The refusal that Polars met while it read from S3 itself; None for any other error, a missing file among them."""
    text = str(error)
    place = re.search(r"Error performing \w+ (\S+)", text) or re.search(r"\(path: (\S+)\)", text)
    if not isinstance(error, OSError) or "object-store error" not in text or place is None:
        return None
    missing = isinstance(error, FileNotFoundError) and "<Code>NoSuchBucket</Code>" not in text
    return None if missing else _refusal(place[1], error)


def _credentials_of_boto3() -> Any:
    """Profiles, single sign-on and the roles of machines, renewed as boto3 renews them.

    They are asked for at once, so that what is missing or expired is named here. Raises AwsError.
    """
    from obstore.auth.boto3 import Boto3CredentialProvider

    what = "The credentials for S3"
    with aws_errors(what):
        try:
            provider = Boto3CredentialProvider(ttl=_GOOD_FOR)
            provider()
        except ValueError as error:
            raise aws_refusal(what, code=_NO_CREDENTIALS, message="There are none") from error
        except RuntimeError as error:  # of botocore: they were renewed, and what came has expired too
            raise aws_refusal(what, code="ExpiredToken", message=str(error)) from error
    return provider


def _refusal(url: str, error: Exception) -> AwsError:
    text = str(error)
    code = re.search(r"<Code>(\w+)</Code>", text)
    status = re.search(r"returned non-2xx status code: (\d+)", text)
    message = re.search(r"<Message>([^<]+)</Message>", text)
    name = _STATUS.get(status[1], status[1]) if status else _unsaid(text)
    return aws_refusal(url, code=code[1] if code else name, message=message[1] if message else text.split("\n")[0])


def _unsaid(text: str) -> str:
    """The code of a failure that S3 did not answer to: no answer came, or no credentials could be had to ask with."""
    if "redential" not in text:
        return "EndpointConnectionError"
    provider = re.search(r"External AWS credential provider: (\w+): (.*)", text)
    if provider is None:
        return _NO_CREDENTIALS
    return "ExpiredToken" if provider[1] == "RuntimeError" and "expired" in provider[2] else provider[1]


def _endpoint() -> str | None:
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")


def _has_native_credentials() -> bool:
    """Whether obstore and Polars find credentials by themselves: keys, or a role of a pod or container.

    Profiles and single sign-on are boto3's alone.
    """
    return any(name in os.environ for name in (*_NATIVE, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"))
