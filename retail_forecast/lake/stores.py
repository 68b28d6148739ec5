"""One interface over a folder, S3, Azure Blob and memory: obstore, with the few verbs that the lake needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import obstore
import polars as pl
from obstore.store import LocalStore, ObjectStore, from_url

from retail_forecast.errors import AwsError, ConfigurationError, NotFoundError, PublishConflictError
from retail_forecast.lake import s3
from retail_forecast.lake.odd_keys import OddKeys, is_complaint, is_odd


@dataclass(frozen=True)
class ObjectInfo:
    """One object as a listing shows it; `size` in bytes, `last_modified` in UTC.

    version: its id in a bucket that keeps versions, where one object was asked for; listings do not tell it.
    """

    path: str
    size: int
    e_tag: str
    last_modified: datetime
    version: str | None = None

    @classmethod
    def of(cls, meta: Any) -> ObjectInfo:
        """From what obstore says of an object."""
        return cls(meta["path"], meta["size"], meta["e_tag"] or "", meta["last_modified"], meta.get("version"))


@dataclass(frozen=True)
class Store:
    """An object store. Paths are relative to its URL and use forward slashes.

    polars: keywords with which Polars reads the same place.
    """

    url: str
    backend: ObjectStore
    polars: Mapping[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> Path | None:
        """The folder behind a file:// store; None for any other store."""
        return Path(unquote(urlparse(self.url).path)) if self.url.startswith("file://") else None

    @property
    def is_s3(self) -> bool:
        """Whether it is a bucket of S3, or a part of one."""
        return urlparse(self.url).scheme in s3.SCHEMES

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Objects below `prefix`, in the order of their paths.

        Hidden ones (a part begins with a dot) are left out, and so are the empty objects "name/" by which consoles of
        S3 show folders.
        """
        found = [ObjectInfo.of(meta) for meta in self._listed(prefix)]
        visible = (info for info in found if not is_hidden(info.path))
        real = (info for info in visible if info.size or not self.is_s3 or self.exists(info.path))
        return iter(sorted(real, key=lambda info: info.path))

    def head(self, path: str) -> ObjectInfo | None:
        """The object's listing entry, or None if there is no such object."""
        try:
            if self.is_s3 and is_odd(path):
                return ObjectInfo.of(self._odd_keys.head(path))
            with self._errors(path):
                return ObjectInfo.of(obstore.head(self.backend, path))
        except FileNotFoundError:
            return None

    def exists(self, path: str) -> bool:
        """Whether there is an object at `path`."""
        return self.head(path) is not None

    def read(self, path: str) -> bytes:
        """The object's bytes. Raises NotFoundError."""
        return self.read_with_info(path)[0]

    def read_with_info(self, path: str) -> tuple[bytes, ObjectInfo]:
        """The object's bytes, and what it was when they were asked for. Raises NotFoundError."""
        try:
            if self.is_s3 and is_odd(path):
                data, meta = self._odd_keys.read(path)
                return data, ObjectInfo.of(meta)
            with self._errors(path):
                found = obstore.get(self.backend, path)
                return bytes(found.bytes()), ObjectInfo.of(found.meta)
        except FileNotFoundError as error:
            raise NotFoundError(self.url_of(path), fix="List the store to see what is there.") from error

    def write(self, path: str, data: bytes) -> None:
        """Writes the object whole: readers see the old bytes or the new ones."""
        with self._errors(path):
            obstore.put(self.backend, path, data)

    def write_new(self, path: str, data: bytes) -> None:
        """Writes an object that must not exist yet. Raises PublishConflictError if it does.

        One that holds these bytes already counts as written now: the answer to the first try may have been lost.
        """
        try:
            with self._errors(path):
                obstore.put(self.backend, path, data, mode="create")
        except obstore.exceptions.AlreadyExistsError as error:
            if not self.is_s3 or self.read(path) != data:
                raise PublishConflictError(self.url_of(path)) from error

    def delete(self, path: str) -> None:
        """Deletes the object; one that is gone already is no error."""
        try:
            with self._errors(path):
                obstore.delete(self.backend, path)
        except FileNotFoundError:
            return

    def url_of(self, path: str) -> str:
        """The object's full URL or, in a folder store, its path: what Polars reads."""
        if self.folder is not None:
            return str(self.folder / path)
        return f"{self.url.rstrip('/')}/{path}"

    def scan_parquet(self, paths: Sequence[str]) -> pl.LazyFrame:
        """The rows of Parquet files, in the order of `paths`."""
        return pl.scan_parquet([self.url_of(path) for path in paths], glob=False, **self.polars)

    def read_parquet(self, paths: Sequence[str]) -> pl.DataFrame:
        """The same, read at once."""
        return pl.read_parquet([self.url_of(path) for path in paths], glob=False, **self.polars)

    def upload_folder(self, source: Path, prefix: str) -> None:
        """Writes every file of a local folder below `prefix`."""
        for file in sorted(path for path in source.rglob("*") if path.is_file()):
            path = f"{prefix}/{file.relative_to(source).as_posix()}"
            with self._errors(path):
                obstore.put(self.backend, path, file)

    def download_folder(self, prefix: str, target: Path) -> None:
        """Reads every object below `prefix` into a local folder."""
        for info in self.list(prefix):
            file = target / info.path.removeprefix(prefix).lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("wb") as sink, self._errors(info.path):
                for chunk in obstore.get(self.backend, info.path).stream():
                    sink.write(bytes(chunk))

    def _listed(self, prefix: str) -> Iterable[Any]:
        try:
            with self._errors(prefix):
                return [meta for page in obstore.list(self.backend, prefix or None) for meta in page]
        except AwsError as error:
            if not is_complaint(error):
                raise
            return self._odd_keys.list(prefix)

    @cached_property
    def _odd_keys(self) -> OddKeys:
        return OddKeys(self.url, self.polars["storage_options"]["aws_region"])

    def _errors(self, path: str) -> AbstractContextManager[None]:
        return s3.s3_errors(self.url_of(path)) if self.is_s3 else nullcontext()


def is_hidden(path: str) -> bool:
    """Whether a part of the path begins with a dot."""
    return any(part.startswith(".") for part in path.split("/"))


def open_store(url: str, *, region: str | None = None, kms_key: str | None = None, **options: Any) -> Store:
    """The store at a URL: file:// (the folder is made), memory://, s3://, az:// and others that obstore knows.

    Credentials and endpoints come from the environment, as in the clouds' own tools (AWS_*, AZURE_*). For S3, region
    and KMS key are those of the settings unless they are given; further `options` go to obstore.
    """
    parsed = urlparse(url)
    if parsed.scheme == "file":
        folder = Path(unquote(parsed.path))
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(key=url, found=str(error), expected="a folder that can be written") from error
        return Store(folder.resolve().as_uri(), LocalStore(folder.resolve()))
    on_s3 = parsed.scheme in s3.SCHEMES
    known = s3.obstore_options(region=region, kms_key=kms_key) if on_s3 else {}
    try:
        backend = from_url(url, **{**known, **options})
    except (obstore.exceptions.BaseError, ValueError) as error:
        why = str(error).partition("\n")[0]
        expected = f"a URL such as file:///data/lake, s3://bucket/lake or az://container/lake ({why})"
        raise ConfigurationError(key="store URL", found=url, expected=expected) from error
    return Store(url, backend, s3.polars_options(region=region) if on_s3 else {})
