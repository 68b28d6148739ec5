"""Where Athena finds a table's present parts: a small text per partition that names its file.

A table's folder holds old parts beside new ones, and only the manifest tells them apart. Athena reads no manifest of
ours, but it does read files that list files (SymlinkTextInputFormat): `athena/<table>/period=<partition>/symlink.txt`
for each partition, `athena/<table>/symlink.txt` for what is whole. They follow each publication; the note
`athena/_state/<table>.json` says up to which version, so what a killed writer left is made good by the next one.
Only on S3: there is no Athena elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor

from retail_forecast.errors import NotFoundError
from retail_forecast.lake.stores import Store

FOLDER = "athena"
PARTITION = "period"
_WRITERS = 8


def symlink_path(table: str, partition: str | None) -> str:
    """Path of the text that names the file of one partition, or of the whole table."""
    place = "" if partition is None else f"{PARTITION}={partition}/"
    return f"{FOLDER}/{table}/{place}symlink.txt"


def point_at(store: Store, table: str, path: str) -> None:
    """Makes Athena's whole table this file."""
    text = f"{store.url_of(path)}\n".encode()
    if store.is_s3 and _read(store, symlink_path(table, None)) != text:
        store.write(symlink_path(table, None), text)


def follow(
    store: Store,
    table: str,
    present: Callable[[], tuple[int, Mapping[str | None, str]]],
    *,
    before: int = -1,
    changed: Collection[str | None] = (),
) -> None:
    """Brings the symlinks of a table to what `present` says: (version, path by partition).

    `changed` partitions are enough for the version after `before`, if that is where the symlinks are. `present` is
    asked again at the end: what was published meanwhile is followed too, so of two writers the last leaves the newest.
    """
    if not store.is_s3:
        return
    note = f"{FOLDER}/_state/{table}.json"
    known = _version(_read(store, note))
    version, paths = present()
    while known != version:
        is_next = known == before and version == before + 1
        chosen = set(changed) if is_next else paths.keys() | _linked(store, table)
        store.delete(note)
        with ThreadPoolExecutor(_WRITERS) as pool:
            list(pool.map(lambda key, paths=paths: _link(store, table, key, paths.get(key)), chosen))
        store.write(note, json.dumps({"version": version}).encode())
        known, before = version, -1
        version, paths = present()


def _link(store: Store, table: str, partition: str | None, path: str | None) -> None:
    place = symlink_path(table, partition)
    if path is None:
        store.delete(place)
    else:
        store.write(place, f"{store.url_of(path)}\n".encode())


def _linked(store: Store, table: str) -> set[str | None]:
    parts = (info.path.split("/")[2] for info in store.list(f"{FOLDER}/{table}"))
    return {part.removeprefix(f"{PARTITION}=") if "=" in part else None for part in parts}


def _version(note: bytes | None) -> int | None:
    return None if note is None else int(json.loads(note)["version"])


def _read(store: Store, path: str) -> bytes | None:
    try:
        return store.read(path)
    except NotFoundError:
        return None
