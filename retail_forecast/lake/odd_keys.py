"""Keys of S3 that obstore does not take: with an empty part, as in sales//monday.csv.

Nothing forbids them, and whoever joins paths by hand makes them. One of them in the landing would end every listing,
so they are listed and read through boto3. The lake has none, so nothing is written here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlparse

from retail_forecast.aws import aws_client, aws_errors
from retail_forecast.errors import AwsError

_GONE = ("404", "NoSuchKey")


def is_odd(path: str) -> bool:
    """Whether a part of the path is empty.

    >>> is_odd("sales//a.csv"), is_odd("/a.csv"), is_odd("sales/a.csv"), is_odd("")
    (True, True, False, False)
    """
    return bool(path) and "" in path.split("/")


def is_complaint(error: Exception) -> bool:
    """Whether obstore ended a listing because of such a key."""
    return "Encountered object with invalid path" in str(error)


@dataclass(frozen=True)
class OddKeys:
    """The objects below an s3:// URL, whatever their keys; what is said of one has obstore's names."""

    url: str
    region: str

    def list(self, prefix: str) -> Iterator[dict[str, Any]]:
        """All objects, but for the empty ones "name/" by which consoles show folders."""
        below = f"{self._key(prefix).rstrip('/')}/".removeprefix("/")
        with self._errors(prefix):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=below):
                for one in page.get("Contents", []):
                    if not one["Key"].endswith("/"):
                        path = one["Key"].removeprefix(self._key(""))
                        yield _meta(path, one["Size"], one["ETag"], one["LastModified"])

    def head(self, path: str) -> dict[str, Any]:
        """What an object is. Raises FileNotFoundError."""
        with self._errors(path):
            return _answered(path, self._client.head_object(Bucket=self._bucket, Key=self._key(path)))

    def read(self, path: str) -> tuple[bytes, dict[str, Any]]:
        """An object's bytes and what it is. Raises FileNotFoundError."""
        with self._errors(path):
            answer = self._client.get_object(Bucket=self._bucket, Key=self._key(path))
            return answer["Body"].read(), _answered(path, answer)

    @cached_property
    def _client(self) -> Any:
        return aws_client("s3", region=self.region)

    @property
    def _bucket(self) -> str:
        return urlparse(self.url).netloc

    def _key(self, path: str) -> str:
        return f"{urlparse(self.url).path.strip('/')}/{path}".removeprefix("/")

    @contextmanager
    def _errors(self, path: str) -> Iterator[None]:
        try:
            with aws_errors(f"{self.url.rstrip('/')}/{path}"):
                yield
        except AwsError as error:
            if error.code in _GONE:
                raise FileNotFoundError(error.what) from error
            raise


def _answered(path: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    found = _meta(path, answer["ContentLength"], answer["ETag"], answer["LastModified"])
    return {**found, "version": answer.get("VersionId")}


def _meta(path: str, size: int, e_tag: str, last_modified: datetime) -> dict[str, Any]:
    return {"path": path, "size": size, "e_tag": e_tag, "last_modified": last_modified}
