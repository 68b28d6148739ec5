"""Folders on their way to a training job through S3, and its results on their way back."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from retail_forecast.aws import aws_errors
from retail_forecast.errors import AwsError, ConfigurationError, TrainingError

_MARK = "_done.json"  # the lake's note of when a folder was published: another time is no other content
_BLOCK = 1024 * 1024


def split_url(url: str) -> tuple[str, str]:
    """Bucket and key of an s3:// URL. Raises ConfigurationError.

    >>> split_url("s3://bucket/training/")
    ('bucket', 'training')
    """
    parsed = urlparse(url)
    if parsed.scheme != "s3" or not parsed.netloc:
        expected = "a URL such as s3://bucket/training"
        raise ConfigurationError(key="RETAIL_FORECAST_TRAINING_URL", found=url, expected=expected)
    return parsed.netloc, parsed.path.strip("/")


def upload_folder(s3: Any, base_url: str, folder: Path, *, kms_key: str | None = None) -> str:
    """Puts a folder below `base_url`, under a digest of its content, unless it is there; its URL.

    The note beside it is written last, so a folder with a note is whole.
    """
    bucket, base = split_url(base_url)
    files = _files(folder)
    prefix = f"{base}/inputs/{_digest(files)}".lstrip("/")
    kept = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}
    with aws_errors(f"s3://{bucket}/{prefix}"):
        if not exists(s3, bucket, f"{prefix}.json"):
            for name, file in files.items():
                with file.open("rb") as opened:
                    s3.upload_fileobj(opened, bucket, f"{prefix}/{name}", ExtraArgs=kept)
            s3.put_object(Bucket=bucket, Key=f"{prefix}.json", Body=f'{{"files": {len(files)}}}'.encode(), **kept)
    return f"s3://{bucket}/{prefix}/"


def exists(s3: Any, bucket: str, key: str) -> bool:
    """Whether there is such an object."""
    try:
        with aws_errors(f"s3://{bucket}/{key}"):
            s3.head_object(Bucket=bucket, Key=key)
    except AwsError as error:
        if error.code in ("404", "NoSuchKey", "NotFound"):
            return False
        raise
    return True


def fetch_archive(s3: Any, url: str, target: Path) -> None:
    """Downloads a .tar.gz and unpacks it into `target`. Nothing in it may lie or point outside."""
    bucket, key = split_url(url)
    target.mkdir(parents=True)
    archive = target.with_name(f"{target.name}.tar.gz")
    try:
        with aws_errors(url):
            s3.download_file(bucket, key, str(archive))
        with tarfile.open(archive, mode="r:gz") as opened:
            opened.extractall(target, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise TrainingError(f"{url} cannot be unpacked ({type(error).__name__}: {error}). Train again.") from error
    finally:
        archive.unlink(missing_ok=True)


def _files(folder: Path) -> dict[str, Path]:
    found = sorted(file for file in folder.rglob("*") if file.is_file() and file.name != _MARK)
    return {file.relative_to(folder).as_posix(): file for file in found}


def _digest(files: dict[str, Path]) -> str:
    total = hashlib.sha256()
    for name, file in files.items():
        total.update(f"{name}\n{_content(file)}\n".encode())
    return total.hexdigest()[:32]


def _content(file: Path) -> str:
    content = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(_BLOCK):
            content.update(block)
    return content.hexdigest()
