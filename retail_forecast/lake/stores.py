"""One interface over a folder, S3, Azure Blob and memory: obstore, with the few verbs that the lake needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import obstore
from obstore.store import LocalStore, ObjectStore, from_url

from retail_forecast.errors import ConfigurationError, NotFoundError, PublishConflictError


@dataclass(frozen=True)
class ObjectInfo:
    """One object as a listing shows it; `size` in bytes, `last_modified` in UTC."""

    path: str
    size: int
    e_tag: str
    last_modified: datetime


@dataclass(frozen=True)
class Store:
    """An object store. Paths are relative to its URL and use forward slashes."""

    url: str
    backend: ObjectStore

    @property
    def folder(self) -> Path | None:
        """The folder behind a file:// store; None for any other store."""
        return Path(unquote(urlparse(self.url).path)) if self.url.startswith("file://") else None

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Objects below `prefix`, in the order of their paths; hidden ones (a part begins with a dot) are left out."""
        pages = obstore.list(self.backend, prefix or None)
        found = (
            ObjectInfo(meta["path"], meta["size"], meta["e_tag"] or "", meta["last_modified"])
            for page in pages
            for meta in page
        )
        visible = (i for i in found if not any(part.startswith(".") for part in i.path.split("/")))
        return iter(sorted(visible, key=lambda info: info.path))

    def head(self, path: str) -> ObjectInfo | None:
        """The object's listing entry, or None if there is no such object."""
        try:
            meta = obstore.head(self.backend, path)
        except FileNotFoundError:
            return None
        return ObjectInfo(meta["path"], meta["size"], meta["e_tag"] or "", meta["last_modified"])

    def exists(self, path: str) -> bool:
        """Whether there is an object at `path`."""
        return self.head(path) is not None

    def read(self, path: str) -> bytes:
        """The object's bytes. Raises NotFoundError."""
        try:
            return bytes(obstore.get(self.backend, path).bytes())
        except FileNotFoundError as error:
            raise NotFoundError(self.url_of(path), fix="List the store to see what is there.") from error

    def write(self, path: str, data: bytes) -> None:
        """Writes the object whole: readers see the old bytes or the new ones."""
        obstore.put(self.backend, path, data)

    def write_new(self, path: str, data: bytes) -> None:
        """Writes an object that must not exist yet. Raises PublishConflictError if it does."""
        try:
            obstore.put(self.backend, path, data, mode="create")
        except obstore.exceptions.AlreadyExistsError as error:
            raise PublishConflictError(self.url_of(path)) from error

    def delete(self, path: str) -> None:
        """Deletes the object; one that is gone already is no error."""
        try:
            obstore.delete(self.backend, path)
        except FileNotFoundError:
            return

    def url_of(self, path: str) -> str:
        """The object's full URL or, in a folder store, its path: what Polars reads."""
        if self.folder is not None:
            return str(self.folder / path)
        return f"{self.url.rstrip('/')}/{path}"

    def upload_folder(self, source: Path, prefix: str) -> None:
        """Writes every file of a local folder below `prefix`."""
        for file in sorted(path for path in source.rglob("*") if path.is_file()):
            obstore.put(self.backend, f"{prefix}/{file.relative_to(source).as_posix()}", file)

    def download_folder(self, prefix: str, target: Path) -> None:
        """Reads every object below `prefix` into a local folder."""
        for info in self.list(prefix):
            file = target / info.path.removeprefix(prefix).lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("wb") as sink:
                for chunk in obstore.get(self.backend, info.path).stream():
                    sink.write(bytes(chunk))


def open_store(url: str, **options: Any) -> Store:
    """The store at a URL: file:// (the folder is made), memory://, s3://, az:// and others that obstore knows.

    Credentials and endpoints come from the environment, as in the clouds' own tools (AWS_*, AZURE_*).
    """
    parsed = urlparse(url)
    if parsed.scheme == "file":
        folder = Path(unquote(parsed.path))
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(key=url, found=str(error), expected="a folder that can be written") from error
        return Store(folder.resolve().as_uri(), LocalStore(folder.resolve()))
    try:
        return Store(url, from_url(url, **options))
    except Exception as error:
        expected = "a URL such as file:///data/lake, s3://bucket/lake or az://container/lake"
        raise ConfigurationError(key="store URL", found=url, expected=expected) from error
