"""The ledger of arrivals: one entry per object of the landing, and the facts that follow from the entries.

A fact is "partition P of table T now consists of these contents". Its data version is a hash over contents, not over
names or times, so a re-delivered file is no news and a correction is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

from retail_forecast.lake.tables import Lake, digest_of
from retail_forecast.lake.versions import VersionedDocument

State = Literal["accepted", "rejected", "deleted"]


@dataclass(frozen=True)
class Entry:
    """What is known of one object of the landing.

    e_tag, size (bytes) and last_modified are those of the latest content; sha256 and partitions (→ rows) are those of
    the latest content that was accepted, if any was. `rules` names what a content was judged by (the dataset, the
    stores that were known): a rejected one is looked at again when the rules have changed. version_id is S3's, where
    the bucket keeps versions; sequencer is that of the event which led here, and orders an object's events.
    """

    object: str
    table: str
    e_tag: str
    size: int
    last_modified: str
    state: State
    rules: str
    sha256: str | None = None
    partitions: Mapping[str, int] = field(default_factory=dict)
    reason: str | None = None
    fix: str | None = None
    version_id: str | None = None
    sequencer: str | None = None


@dataclass(frozen=True)
class Fact:
    """The contents of one partition changed. `objects` lists the files behind it, oldest first."""

    table: str
    partition: str
    data_version: str
    objects: tuple[str, ...]


@dataclass(frozen=True)
class Ledger:
    """All entries at one version."""

    version: int
    entries: Mapping[str, Entry]
    keep_deleted: bool = True

    @cached_property
    def by_partition(self) -> dict[tuple[str, str], list[Entry]]:
        """Entries whose accepted contents make up each (table, partition), oldest first.

        Where two of them name the same key, the later one wins.
        """
        groups: dict[tuple[str, str], list[Entry]] = defaultdict(list)
        for entry in sorted(self.entries.values(), key=lambda one: (one.last_modified, one.object)):
            if entry.state != "deleted" or self.keep_deleted:
                for partition in entry.partitions:
                    groups[entry.table, partition].append(entry)
        return dict(groups)

    @cached_property
    def data_versions(self) -> dict[tuple[str, str], str]:
        """Data version of each (table, partition)."""
        return {key: _content_version(entries) for key, entries in self.by_partition.items()}

    def rejected(self) -> list[Entry]:
        """Entries whose latest content cannot be used."""
        return [entry for entry in self.entries.values() if entry.state == "rejected"]

    def facts_since(self, earlier: Ledger) -> list[Fact]:
        """Facts that hold now and did not at `earlier`."""
        before, now = earlier.data_versions, self.data_versions
        empty = _content_version([])
        news = [key for key in sorted(now.keys() | before.keys()) if now.get(key, empty) != before.get(key, empty)]
        return [
            Fact(*key, now.get(key, empty), tuple(entry.object for entry in self.by_partition.get(key, [])))
            for key in news
        ]

    def news_since(self, earlier: Ledger, state: State) -> list[Entry]:
        """Entries that came into `state`, or changed within it, since `earlier`."""
        here = (entry for entry in self.entries.values() if entry.state == state)
        return [entry for entry in here if earlier.entries.get(entry.object) != entry]


def read_ledger(lake: Lake, *, keep_deleted: bool, version: int | None = None, known: Ledger | None = None) -> Ledger:
    """The ledger at a version (default: the newest). A version that is no longer kept reads as the empty ledger.

    known: a ledger that was read before; it is given back if it is still the newest, for the price of a listing.
    """
    document = _document(lake)
    if version is not None and version not in document.versions():
        return Ledger(0, {}, keep_deleted)
    if (
        known is not None
        and known.keep_deleted == keep_deleted
        and known.version == max(document.versions(), default=0)
    ):
        return known
    number, raw = document.read(version)
    return Ledger(number, {one["object"]: Entry(**one) for one in raw.get("entries", [])}, keep_deleted)


def write_ledger(lake: Lake, before: Ledger, entries: Mapping[str, Entry]) -> Ledger:
    """Writes the version that follows `before`. Raises PublishConflictError if somebody else has."""
    content: dict[str, Any] = {"entries": [asdict(entries[path]) for path in sorted(entries)]}
    version = _document(lake).write_next(before.version, content)
    return Ledger(version, entries, before.keep_deleted)


def utc_text(moment: datetime) -> str:
    """The moment as text that sorts like time."""
    return moment.isoformat(timespec="microseconds")


def _document(lake: Lake) -> VersionedDocument:
    return VersionedDocument(lake.store, "arrivals")


def _content_version(entries: list[Entry]) -> str:
    latest_first = dict.fromkeys(entry.sha256 or "" for entry in reversed(entries))
    return digest_of(reversed(list(latest_first)))
