"""Tables of the lake: Parquet parts, one per partition, and a manifest that says which parts are the table.

A part is written under a name that carries its content's hash, then a new manifest version switches to it: readers
see the old table or the new one. A manifest lists each part's inputs, so lineage is a lookup.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any

import polars as pl

from retail_forecast.errors import PublishConflictError
from retail_forecast.lake.stores import ObjectInfo, Store, open_store
from retail_forecast.lake.symlinks import follow
from retail_forecast.lake.versions import VersionedDocument

WHOLE = "all"
FRESH = timedelta(hours=1)
"""A part that was written so recently is not removed, whether a manifest lists it or not."""

_ATTEMPTS = 20


@dataclass(frozen=True)
class Input:
    """One source object behind a part; `size` in bytes, `sha256` of its content, `rows` that it gave to the part.

    version_id: S3's, where its bucket keeps versions.
    """

    object: str
    e_tag: str
    size: int
    sha256: str
    rows: int
    version_id: str | None = None


@dataclass(frozen=True)
class Part:
    """One partition of a table.

    Dagster gives one data version to all partitions of a run, so parts that are published together share
    `data_version`; publishing the same content again keeps it.
    """

    partition: str
    path: str
    rows: int
    sha256: str
    data_version: str
    inputs: tuple[Input, ...] = ()
    stats: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Part:
        """The part that `asdict` made JSON of."""
        return cls(**{**raw, "inputs": tuple(Input(**one) for one in raw["inputs"])})


@dataclass(frozen=True)
class Manifest:
    """What a table is at one version: its parts by partition."""

    version: int
    parts: Mapping[str, Part]
    published_at: str | None = None

    @cached_property
    def digest(self) -> str:
        """Hash over the parts' contents: equal for equal tables, whenever and in whatever order they were published."""
        return digest_of(f"{part.partition}:{part.sha256}" for _, part in sorted(self.parts.items()))

    @property
    def rows(self) -> int:
        """Rows of the table."""
        return sum(part.rows for part in self.parts.values())


@dataclass(frozen=True)
class NewPart:
    """Content for one partition, with the inputs that it was made of."""

    frame: pl.DataFrame
    inputs: tuple[Input, ...] = ()
    stats: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Published:
    """Outcome of a publication: the partitions whose content changed, the manifest in force, and the data version
    of what was published."""

    changed: tuple[str, ...]
    manifest: Manifest
    data_version: str


@dataclass(frozen=True)
class Table:
    """A table of the lake."""

    store: Store
    name: str

    @property
    def _document(self) -> VersionedDocument:
        return VersionedDocument(self.store, f"tables/{self.name}/_manifests")

    def manifest(self, version: int | None = None) -> Manifest:
        """The manifest in force, or an earlier one; version 0 has no parts."""
        number, raw = self._document.read(version)
        parts = {one["partition"]: Part.from_json(one) for one in raw.get("parts", [])}
        return Manifest(number, parts, raw.get("published_at"))

    def publish(
        self, new: Mapping[str, NewPart | Part] | Iterable[tuple[str, NewPart | Part]], *, remove: Iterable[str] = ()
    ) -> Published:
        """Writes the parts (by partition) as they come unless `write` has, then switches the manifest once.

        Content that is already there changes nothing; a partition that is also to be removed is kept.
        """
        pairs = new.items() if isinstance(new, Mapping) else new
        written = {key: part if isinstance(part, Part) else self.write(key, part) for key, part in pairs}
        gone = set(remove) - written.keys()
        for _ in range(_ATTEMPTS):
            manifest = self.manifest()
            changed = _changed(manifest, written, gone)
            data_version = _data_version(manifest, written, changed)
            renewed = {key: replace(part, data_version=data_version) for key, part in written.items()}
            parts = {key: part for key, part in {**manifest.parts, **renewed}.items() if key not in gone}
            if parts == manifest.parts:
                self._link(manifest.version, ())
                return Published((), manifest, data_version)
            stamp = datetime.now(UTC).isoformat(timespec="seconds")
            content = {"published_at": stamp, "parts": [asdict(parts[key]) for key in sorted(parts)]}
            try:
                version = self._document.write_next(manifest.version, content)
            except PublishConflictError:
                continue
            self._link(manifest.version, changed)
            return Published(tuple(changed), Manifest(version, parts, stamp), data_version)
        raise PublishConflictError(f"{self.store.url_of(self.name)} (after {_ATTEMPTS} attempts)")

    def _link(self, before: int, changed: Iterable[str]) -> None:
        def present() -> tuple[int, dict[str | None, str]]:
            manifest = self.manifest()
            return manifest.version, {_linked_as(key): part.path for key, part in manifest.parts.items()}

        follow(self.store, self.name, present, before=before, changed=[_linked_as(key) for key in changed])

    def scan(self, *, since: date | None = None, until: date | None = None) -> pl.LazyFrame | None:
        """The table's rows, with date partitions from `since` to `until` (inclusive) only; None if there are none."""
        low, high = (since.isoformat() if since else ""), (until.isoformat() if until else "~")
        parts = [part for key, part in sorted(self.manifest().parts.items()) if key == WHOLE or low <= key <= high]
        if not parts:
            return None
        return self.store.scan_parquet([part.path for part in parts])

    def unlisted_parts(self) -> tuple[list[ObjectInfo], datetime]:
        """Parts that lie in the lake and that no kept manifest lists, and since when at least none has listed them."""
        lying = [info for info in self.store.list(f"tables/{self.name}") if info.path.endswith(".parquet")]
        manifests = [self.manifest(version) for version in self._document.versions()]
        listed = {part.path for manifest in manifests for part in manifest.parts.values()}
        begun = datetime.min.replace(tzinfo=UTC)  # no manifest is missing: what none lists never was part of the table
        complete = not manifests or manifests[0].version == 1
        since = begun if complete else datetime.fromisoformat(str(manifests[0].published_at))
        return [info for info in lying if info.path not in listed], since

    def write(self, partition: str, new: NewPart) -> Part:
        """Writes the content aside; the table is the same until the part is published. Safe in threads.

        A part that lies there already is written again unless it is new: one that is about to be removed as
        superfluous must not become part of the table.
        """
        buffer = io.BytesIO()
        # chunks would show in the bytes, and with them in the hash
        new.frame.rechunk().write_parquet(buffer, compression="zstd", compression_level=1)
        data = buffer.getvalue()
        digest = hashlib.sha256(data).hexdigest()
        path = f"tables/{self.name}/{partition}/{digest[:16]}.parquet"
        there = self.store.head(path)
        if there is None or there.last_modified < datetime.now(UTC) - FRESH:
            self.store.write(path, data)
        return Part(partition, path, new.frame.height, digest, digest, new.inputs, dict(new.stats))


def _linked_as(partition: str) -> str | None:
    return None if partition == WHOLE else partition


def _changed(old: Manifest, written: Mapping[str, Part], gone: set[str]) -> list[str]:
    changed = [key for key, part in written.items() if key not in old.parts or old.parts[key].sha256 != part.sha256]
    return changed + sorted(gone & old.parts.keys())


def _data_version(old: Manifest, written: Mapping[str, Part], changed: list[str]) -> str:
    before = {old.parts[key].data_version for key in written if key in old.parts}
    if not changed and len(before) == 1:
        return before.pop()
    contents = [f"{key}:{part.sha256}" for key, part in sorted(written.items())]
    return digest_of([*contents, *(f"{key}:gone" for key in changed if key not in written)])


def digest_of(texts: Iterable[str]) -> str:
    """SHA-256 over texts in the order given."""
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


@dataclass(frozen=True)
class Lake:
    """All that the platform keeps, in one store."""

    store: Store

    def table(self, name: str) -> Table:
        """The table called `name`; it need not exist yet."""
        return Table(self.store, name)


def open_lake(url: str, **options: Any) -> Lake:
    """The lake at a URL; see `open_store`."""
    return Lake(open_store(url, **options))
