"""Arrivals by listing: compares the landing with the ledger, inspects what is new, and writes the ledger.

The ledger is written before anybody hears of the facts (an outbox): whoever reports them keeps the ledger version
that was reported through, and a crash in between means that the same facts are reported again, never that one is lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from retail_forecast.errors import BadDropError, NotFoundError, PublishConflictError
from retail_forecast.lake.ledger import Entry, Ledger, read_ledger, utc_text, write_ledger
from retail_forecast.lake.stores import ObjectInfo, Store
from retail_forecast.lake.tables import Lake

MAX_OBJECT_BYTES = 2 * 1024**3
"""Larger objects are rejected unread: a landing file is held in memory while it is inspected."""

Inspect = Callable[[bytes, str, str], Mapping[str, int]]
"""(content, object, table) → rows by partition. Raises BadDropError."""


@dataclass(frozen=True)
class Poll:
    """Outcome of one look at the landing: the ledger before and after, what still settles, and what is left to do."""

    before: Ledger
    ledger: Ledger
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
    keep_deleted: bool = True,
    limit: int | None = None,
    workers: int = 1,
    on_object: Callable[[int, int], None] | None = None,
) -> Poll:
    """Looks at every object below the landing once.

    `rules` names what `inspect` judges by. An object that changed within `settle_seconds`, or while it was read, may
    still be being written and waits for the next look. At most `limit` objects are inspected, `workers` of them at
    the same time; `on_object(done, all)` reports progress. If another poll writes the ledger meanwhile, this one gives
    way: its findings are found again by the next look.
    """
    before = read_ledger(lake, keep_deleted=keep_deleted)
    listed = {info.path: info for info in landing.list()}
    fresh = [info for path, info in listed.items() if _is_news(before.entries.get(path), info, rules)]
    still = now - timedelta(seconds=settle_seconds)
    settled = [info for info in fresh if info.last_modified <= still]
    taken = settled[:limit]
    entries = dict(before.entries)
    waiting = [info.path for info in fresh if info.last_modified > still]

    def examine(info: ObjectInfo) -> Entry | None:
        return _examine(landing, info, before.entries.get(info.path), tables, inspect, rules)

    with ThreadPoolExecutor(workers) as pool:
        for done, (info, entry) in enumerate(zip(taken, pool.map(examine, taken), strict=True), 1):
            if entry is None:
                waiting.append(info.path)
            else:
                entries[info.path] = entry
            if on_object is not None:
                on_object(done, len(taken))
    for path in before.entries.keys() - listed.keys():
        entries[path] = replace(before.entries[path], state="deleted", reason=None, fix=None)
    ledger = _commit(lake, before, entries)
    return Poll(before, ledger, tuple(sorted(waiting)), len(settled) - len(taken))


def _is_news(entry: Entry | None, info: ObjectInfo, rules: str) -> bool:
    if entry is None or entry.state == "deleted" or (entry.e_tag, entry.size) != (info.e_tag, info.size):
        return True
    return entry.state == "rejected" and entry.rules != rules


def _examine(
    landing: Store, info: ObjectInfo, old: Entry | None, tables: Collection[str], inspect: Inspect, rules: str
) -> Entry | None:
    table = info.path.split("/", 1)[0]
    entry = Entry(info.path, table, info.e_tag, info.size, utc_text(info.last_modified), "accepted", rules)
    known = replace(entry, sha256=old.sha256, partitions=old.partitions) if old else entry
    try:
        _check_place(info, tables)
        data = landing.read(info.path)
        after = landing.head(info.path)
        if after is None or after.e_tag != info.e_tag:
            return None
        digest = hashlib.sha256(data).hexdigest()
        if old is not None and old.sha256 == digest:
            return known
        return replace(entry, sha256=digest, partitions=dict(inspect(data, info.path, table)))
    except NotFoundError:
        return None
    except BadDropError as error:
        return replace(known, state="rejected", reason=error.reason, fix=error.fix)


def _check_place(info: ObjectInfo, tables: Collection[str]) -> None:
    table = info.path.split("/", 1)[0]
    if "/" not in info.path or table not in tables:
        reason, fix = "It lies in no table's folder.", f"Put it below one of {sorted(tables)}."
        raise BadDropError(object=info.path, reason=reason, fix=fix)
    if info.size > MAX_OBJECT_BYTES:
        reason = f"It has {info.size:,} bytes; at most {MAX_OBJECT_BYTES:,} are read."
        raise BadDropError(object=info.path, reason=reason, fix="Deliver it in smaller files.")


def _commit(lake: Lake, before: Ledger, entries: dict[str, Entry]) -> Ledger:
    if entries == before.entries:
        return before
    try:
        return write_ledger(lake, before, entries)
    except PublishConflictError:
        return read_ledger(lake, keep_deleted=before.keep_deleted)
