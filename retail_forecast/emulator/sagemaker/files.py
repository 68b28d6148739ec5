"""Files between S3 and a container: channels in, checkpoints both ways, results out."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retail_forecast.emulator.sagemaker.errors import JobFailedError


@contextmanager
def failing_as(what: str) -> Iterator[None]:
    """A refusal by S3 becomes the reason of the job's failure."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (ClientError, BotoCoreError, Boto3Error) as error:
        raise JobFailedError(f"ClientError: {what}: {error}") from error


def split_uri(uri: str) -> tuple[str, str]:
    """
    >>> split_uri("s3://bucket/some/key")
    ('bucket', 'some/key')
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def download_channel(s3: Any, channel: dict[str, Any], folder: Path, *, host: int, hosts: int) -> None:
    """Fetches one host's share of a channel: everything, or every n-th object of ShardedByS3Key."""
    source = channel["DataSource"]["S3DataSource"]
    folder.mkdir(parents=True, exist_ok=True)
    with failing_as("Data download failed"):
        keys = list_keys(s3, source["S3Uri"])
    if not keys:
        raise JobFailedError(
            f"ClientError: Data download failed: Failed to download data. No S3 objects found under S3 URL "
            f'"{source["S3Uri"]}" given in input data source. Please ensure that the bucket exists in the selected '
            f"region, that objects exist under that S3 prefix, and that the role may list the bucket."
        )
    if source.get("S3DataDistributionType") == "ShardedByS3Key":
        keys = keys[host::hosts]
    with failing_as("Data download failed"):
        download_keys(s3, source["S3Uri"], keys, folder)


def list_keys(s3: Any, uri: str) -> list[str]:
    """The keys below a prefix, sorted, without the placeholders of folders."""
    bucket, prefix = split_uri(uri)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return sorted(row["Key"] for page in pages for row in page.get("Contents", []) if not row["Key"].endswith("/"))


def download_keys(s3: Any, uri: str, keys: Iterable[str], folder: Path) -> None:
    """Fetches objects to where they lie below the prefix."""
    bucket, prefix = split_uri(uri)
    for key in keys:
        relative = key[len(prefix) :].lstrip("/") or key.rsplit("/", 1)[-1]
        target = folder / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(bucket, key, str(target))


@dataclass
class CheckpointSync:
    """Carries a host's checkpoints to S3, each time what is new or has changed. Nothing is deleted there."""

    s3: Any
    folder: Path
    uri: str
    _seen: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def restore(self) -> None:
        """Fetches the checkpoints of earlier attempts."""
        with failing_as("Checkpoint download failed"):
            download_keys(self.s3, self.uri, list_keys(self.s3, self.uri), self.folder)
        self._seen = dict(self._files())

    def push(self) -> None:
        """Uploads what differs from the last time. A file that is gone again meanwhile is left out."""
        bucket, prefix = split_uri(self.uri)
        for file, mark in self._files():
            if self._seen.get(file) == mark:
                continue
            key = f"{prefix.rstrip('/')}/{file.relative_to(self.folder)}".lstrip("/")
            try:
                self.s3.upload_file(str(file), bucket, key)
            except FileNotFoundError:
                continue
            self._seen[file] = mark

    def _files(self) -> Iterator[tuple[Path, tuple[int, int]]]:
        for file in sorted(self.folder.rglob("*")):
            try:
                facts = file.stat()
            except FileNotFoundError:
                continue
            if file.is_file():
                yield file, (facts.st_size, facts.st_mtime_ns)


def upload_archive(s3: Any, folders: list[Path], uri: str, kms_key: str | None) -> bool:
    """Packs the folders of all hosts into one archive at `uri`; of equal names the first host's wins. False: empty."""
    files: dict[str, Path] = {}
    for folder in folders:
        for file in sorted(folder.rglob("*")):
            files.setdefault(str(file.relative_to(folder)), file)
    if not files:
        return False
    bucket, key = split_uri(uri)
    extra = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}
    with tempfile.TemporaryFile() as packed, failing_as("Artifact upload failed"):
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for name, file in files.items():
                archive.add(file, name, recursive=False)
        packed.seek(0)
        s3.upload_fileobj(packed, bucket, key, ExtraArgs=extra)
    return True
