"""Arrivals: compares what may have changed with the ledger, inspects what is new, and writes the ledger.

The ledger is written before anybody hears of the facts (an outbox): whoever reports them keeps the ledger version
that was reported through, and a crash in between means that the same facts are reported again, never that one is lost.
Messages about objects are deleted after the ledger is written, for the same reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from retail_forecast.errors import AwsError, BadDropError, NotFoundError, PublishConflictError
from retail_forecast.lake.ledger import Entry, Ledger, read_ledger, utc_text, write_ledger
from retail_forecast.lake.sightings import REFUSED_OBJECT, Arrivals, ListingArrivals, Look, Sighting, see
from retail_forecast.lake.stores import ObjectInfo, Store
from retail_forecast.lake.tables import Lake

MAX_OBJECT_BYTES = 2 * 1024**3
"""Larger objects are rejected unread: a landing file is held in memory while it is inspected."""

REFUSED = "refused by the store"
"""The rules of an entry whose object could not be read."""

Inspect = Callable[[bytes, str, str], Mapping[str, int]]
"""(content, object, table) → rows by partition. Raises BadDropError."""


@dataclass(frozen=True)
class Poll:
    """Outcome of one look at the landing: the ledger before and after, what still settles, and what is left to do."""

    before: Ledger
    ledger: Ledger
    look: Look
    waiting: tuple[str, ...] = ()
    remaining: int = 0


def poll_arrivals(
    landing: Store,
    lake: Lake,
    *,
    tables: Collection[str],
    inspect: Inspect,
    rules: str,
    now: datetime,
    settle_seconds: float,
    arrivals: Arrivals | None = None,
    known: Ledger | None = None,
    keep_deleted: bool = True,
    limit: int | None = None,
    workers: int = 1,
    on_object: Callable[[int, int], None] | None = None,
) -> Poll:
    """Looks once at the objects that `arrivals` names, by default at every object below the landing.

    `rules` names what `inspect` judges by. A file of a folder that changed within `settle_seconds`, or while it was
    read, may still be being written and waits for the next look; the objects of other stores are always whole. At
    most `limit` objects are inspected, `workers` of them at the same time; `on_object(done, all)` reports progress. If
    another poll writes the ledger meanwhile, this one gives way: its findings are found again by the next look. `known`
    is the ledger of an earlier poll, which need not be read again if it is still the newest.
    """
    arrivals = arrivals or ListingArrivals(landing)
    before = read_ledger(lake, keep_deleted=keep_deleted, known=known)
    look = arrivals.look(before.entries, limit=limit)
    sightings = {**_judged_otherwise(landing, before, rules, look), **look.sightings}
    still = now - timedelta(seconds=settle_seconds)
    fresh = {path: one for path, one in sightings.items() if _is_news(before.entries.get(path), one, rules)}
    waiting = {path for path, one in fresh.items() if landing.folder and one.info and one.info.last_modified > still}
    settled = [path for path in sorted(fresh) if path not in waiting]
    taken = settled[:limit]
    entries = dict(before.entries)

    def examine(path: str) -> Entry | None:
        return _examine(landing, path, fresh[path], before.entries.get(path), tables, inspect, rules)

    with ThreadPoolExecutor(workers) as pool:
        for done, (path, entry) in enumerate(zip(taken, pool.map(examine, taken), strict=True), 1):
            if entry is None:
                waiting.add(path)
            else:
                entries[path] = entry
            if on_object is not None:
                on_object(done, len(taken))
    for path, one in sightings.items():
        if path in before.entries and one.info is None and one.refusal is None:
            entries[path] = _deleted(before.entries[path], one)
    ledger, is_ours = _commit(lake, before, entries)
    if is_ours:
        arrivals.settle(sightings.keys() - waiting - set(settled[len(taken) :]))
    return Poll(before, ledger, look, tuple(sorted(waiting)), len(settled) - len(taken))


def _judged_otherwise(landing: Store, before: Ledger, rules: str, look: Look) -> dict[str, Sighting]:
    """The rejected objects that are to be judged again as the rules have changed, unless the look shows them."""
    again = [entry for entry in before.rejected() if entry.rules not in (rules, REFUSED)]
    return {
        entry.object: see(landing, entry.object, entry.sequencer)
        for entry in again
        if entry.object not in look.sightings
    }


def _is_news(entry: Entry | None, sighting: Sighting, rules: str) -> bool:
    info = sighting.info
    if info is None:
        return sighting.refusal is not None
    if entry is None or entry.state == "deleted" or (entry.e_tag, entry.size) != (info.e_tag, info.size):
        return True
    return entry.state == "rejected" and entry.rules != rules


def _deleted(entry: Entry, sighting: Sighting) -> Entry:
    if entry.state == "deleted":
        return entry
    sequencer = sighting.sequencer or entry.sequencer
    return replace(entry, state="deleted", reason=None, fix=None, sequencer=sequencer)


def _examine(
    landing: Store,
    path: str,
    sighting: Sighting,
    old: Entry | None,
    tables: Collection[str],
    inspect: Inspect,
    rules: str,
) -> Entry | None:
    """The object's entry; None if it is gone, or changed while it was read."""
    table = path.split("/", 1)[0]
    if sighting.info is None:
        return _refused(path, table, sighting, old, str(sighting.refusal))
    known = _entry(sighting.info, table, rules, sighting.sequencer, old)
    try:
        _check_place(sighting.info, tables)
        data, info = landing.read_with_info(path)
        if landing.folder and not _is_still(landing, sighting.info):
            return None
        known = _entry(info, table, rules, sighting.sequencer, old)
        digest = hashlib.sha256(data).hexdigest()
        if old is not None and old.sha256 == digest:
            return known
        return replace(known, sha256=digest, partitions=dict(inspect(data, path, table)))
    except NotFoundError:
        return None
    except BadDropError as error:
        return replace(known, state="rejected", reason=error.reason, fix=error.fix)
    except AwsError as error:
        if not error.code.startswith(REFUSED_OBJECT):
            raise
        return _refused(path, table, sighting, old, str(error))


def _is_still(landing: Store, info: ObjectInfo) -> bool:
    after = landing.head(info.path)
    return after is not None and after.e_tag == info.e_tag


def _entry(info: ObjectInfo, table: str, rules: str, sequencer: str | None, old: Entry | None) -> Entry:
    """An accepted entry with the partitions that the object is known by; they are to be replaced by new ones."""
    entry = Entry(
        info.path,
        table,
        info.e_tag,
        info.size,
        utc_text(info.last_modified),
        "accepted",
        rules,
        version_id=info.version,
        sequencer=sequencer or (old.sequencer if old else None),
    )
    return replace(entry, sha256=old.sha256, partitions=old.partitions) if old else entry


def _refused(path: str, table: str, sighting: Sighting, old: Entry | None, reason: str) -> Entry:
    """Rejected under no rules, so that every listing tries again: rights are mended without a change of the object."""
    base = old or Entry(path, table, "", 0, "", "rejected", REFUSED)
    fix = "Grant the reading of this object and of its key; the next listing then takes it."
    sequencer = sighting.sequencer or base.sequencer
    return replace(base, state="rejected", rules=REFUSED, reason=reason, fix=fix, sequencer=sequencer)


def _check_place(info: ObjectInfo, tables: Collection[str]) -> None:
    table = info.path.split("/", 1)[0]
    if "/" not in info.path or table not in tables:
        reason, fix = "It lies in no table's folder.", f"Put it below one of {sorted(tables)}."
        raise BadDropError(object=info.path, reason=reason, fix=fix)
    if info.size > MAX_OBJECT_BYTES:
        reason = f"It has {info.size:,} bytes; at most {MAX_OBJECT_BYTES:,} are read."
        raise BadDropError(object=info.path, reason=reason, fix="Deliver it in smaller files.")


def _commit(lake: Lake, before: Ledger, entries: dict[str, Entry]) -> tuple[Ledger, bool]:
    """The ledger in force, and whether it says what was found."""
    if entries == before.entries:
        return before, True
    try:
        return write_ledger(lake, before, entries), True
    except PublishConflictError:
        return read_ledger(lake, keep_deleted=before.keep_deleted), False
