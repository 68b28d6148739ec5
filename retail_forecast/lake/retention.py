"""What leaves the lake: vintages that nobody reads any more, and files that nothing refers to.

The lineage of a vintage outlives its forecasts: `retired/<id>.json` is what vintage.json was. Landing files are never
touched. Whatever is removed is old enough that nobody who began to read before it was replaced can still be reading.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import groupby

from retail_forecast.lake.stores import ObjectInfo
from retail_forecast.lake.tables import Lake
from retail_forecast.lake.vintages import Vintage, find_vintage, latest_vintage, read_vintage, vintage_from

_RETIRED = "retired/{}.json"


@dataclass(frozen=True)
class Removed:
    """Objects that were removed, and their size in bytes."""

    objects: int = 0
    size: int = 0

    def __add__(self, other: Removed) -> Removed:
        return Removed(self.objects + other.objects, self.size + other.size)


def find_lineage(lake: Lake, id: str) -> Vintage | None:
    """The vintage, also when its forecasts were removed; None if there never was one of that name."""
    published = find_vintage(lake, id)
    if published is not None or not lake.store.exists(_RETIRED.format(id)):
        return published
    return vintage_from(lake.store.read(_RETIRED.format(id)))


def retire_vintage(lake: Lake, id: str) -> Removed:
    """Removes the forecasts, features and model of a vintage that is not in force, and keeps its lineage.

    vintage.json goes first: from then on there is no such vintage, and what a killed call leaves is a half one.
    """
    vintage, in_force = read_vintage(lake, id), latest_vintage(lake)
    if in_force is not None and in_force.id == id:
        return Removed()
    lake.store.write(_RETIRED.format(id), json.dumps(asdict(vintage), sort_keys=True).encode())
    files = sorted(lake.store.list(f"vintages/{id}"), key=lambda info: not info.path.endswith("/vintage.json"))
    return _remove(lake, files)


def remove_folders(lake: Lake, kind: str, *, kept: Collection[str], before: datetime, marker: str = "") -> Removed:
    """Removes the folders `<kind>/<name>/` that are not kept and in which nothing was written since `before`.

    marker: a file that protects its folder; with vintage.json only half-written vintages go.
    """
    removed = Removed()
    for name, files in _folders(lake, kind):
        written = max(info.last_modified for info in files)
        protected = bool(marker) and any(info.path == f"{kind}/{name}/{marker}" for info in files)
        if name not in kept and written < before and not protected:
            # the mark of completeness goes first, so that nobody begins to read what is going
            removed += _remove(lake, sorted(files, key=lambda info: not info.path.endswith("/_done.json")))
    return removed


def remove_parts(lake: Lake, *, kept: Collection[str], before: datetime) -> Removed:
    """Removes parts of tables that no kept manifest lists, and `kept` neither, and that went out of use by `before`."""
    removed = Removed()
    for name in sorted({info.path.split("/")[1] for info in lake.store.list("tables")}):
        table = lake.table(name)
        unlisted, since = table.unlisted_parts()
        if since < before:
            removed += _remove(
                lake, (info for info in unlisted if info.path not in kept and _is_older(lake, info, before))
            )
    return removed


def _is_older(lake: Lake, info: ObjectInfo, before: datetime) -> bool:
    """Whether the object is old as it lies there now: a writer may have renewed it since it was listed."""
    now = lake.store.head(info.path)
    return now is not None and now.last_modified < before


def _folders(lake: Lake, kind: str) -> Iterator[tuple[str, list[ObjectInfo]]]:
    inside = (info for info in lake.store.list(kind) if info.path.count("/") > 1)
    for name, files in groupby(inside, lambda info: info.path.split("/")[1]):
        yield name, list(files)


def _remove(lake: Lake, files: Iterable[ObjectInfo]) -> Removed:
    removed = Removed()
    for info in files:
        lake.store.delete(info.path)
        removed += Removed(1, info.size)
    return removed
