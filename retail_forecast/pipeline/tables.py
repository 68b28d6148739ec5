"""From landing to lake: reads the accepted files behind a table's partitions and publishes them, validated.

Where several files name the same key, the one that was delivered last wins, key by key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from threading import Lock

import polars as pl

from retail_forecast.dataset import Dataset
from retail_forecast.errors import BadDropError
from retail_forecast.ingest.drops import read_drop
from retail_forecast.lake.ledger import Entry, Ledger
from retail_forecast.lake.stores import Store
from retail_forecast.lake.tables import WHOLE, Input, Lake, NewPart, Part, Published
from retail_forecast.pipeline.arrivals import current_ledger
from retail_forecast.schemas import schema_for, validate_table

CONTENTS = "contents"
"""Key in a part's stats: the data version of the landing's contents that the part was made of."""

_FILES_KEPT = 4


def stale_partitions(lake: Lake, dataset: Dataset, table: str) -> list[str]:
    """Partitions whose published part was not made of what the landing now holds."""
    ledger, parts = current_ledger(lake, dataset), lake.table(table).manifest().parts
    versions = {partition: version for (name, partition), version in ledger.data_versions.items() if name == table}
    readable = {p for p in versions if any(e.state == "accepted" for e in ledger.by_partition[table, p])}
    candidates = readable | parts.keys()
    return sorted(p for p in candidates if p not in parts or parts[p].stats.get(CONTENTS) != versions.get(p))


def publish_table(
    lake: Lake,
    landing: Store,
    dataset: Dataset,
    table: str,
    partitions: Collection[str] = (WHOLE,),
    *,
    workers: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> Published:
    """Makes the partitions anew from their files and publishes them at once; one without files is removed.

    `workers` partitions are made at the same time, and no more are held in memory.
    Raises SchemaError, or BadDropError for a file that changed since it was accepted; nothing is published then.
    """
    ledger = current_ledger(lake, dataset)
    sources = {key: ledger.by_partition.get((table, key), []) for key in sorted(partitions)}
    gone = [key for key, entries in sources.items() if not entries]
    filled = {key: entries for key, entries in sources.items() if entries}
    maker = _PartMaker(lake, landing, dataset, table, ledger, lake.table(table).manifest().parts)
    return lake.table(table).publish(maker.make_all(filled, workers, on_progress), remove=gone)


@dataclass
class _PartMaker:
    """Makes the parts of one table; a file that serves several partitions is read once as long as it is at hand."""

    lake: Lake
    landing: Store
    dataset: Dataset
    table: str
    ledger: Ledger
    published: Mapping[str, Part]
    files: dict[str, Mapping[str, pl.DataFrame]] = field(default_factory=dict)
    locks: dict[str, Lock] = field(default_factory=dict)

    def make_all(
        self, sources: Mapping[str, Sequence[Entry]], workers: int, on_progress: Callable[[int, int], None] | None
    ) -> Iterator[tuple[str, Part]]:
        with ThreadPoolExecutor(workers) as pool:
            for done, part in enumerate(pool.map(self._make, sources.keys(), sources.values()), 1):
                yield part.partition, part
                if on_progress is not None:
                    on_progress(done, len(sources))

    def _make(self, partition: str, entries: Sequence[Entry]) -> Part:
        rows = self._rows(partition, entries)
        stats = {CONTENTS: self.ledger.data_versions[self.table, partition], **part_stats(rows)}
        new = NewPart(rows, tuple(self._inputs(partition, entries)), stats)
        return self.lake.table(self.table).write(partition, new)

    def _rows(self, partition: str, entries: Sequence[Entry]) -> pl.DataFrame:
        schema, keys = schema_for(self.dataset, self.table), list(self.dataset.table(self.table).keys)
        frames = [self._read(entry)[partition] for entry in entries if entry.state == "accepted"]
        if len(frames) < len(entries) and partition in self.published:
            frames = [self._published_rows(partition), *frames]
        rows = pl.concat(frames or [schema.create_empty()])
        if len(frames) > 1:
            rows = rows.unique(keys, keep="last", maintain_order=True).sort(keys)
        return validate_table(schema, rows, table=self.table)

    def _read(self, entry: Entry) -> Mapping[str, pl.DataFrame]:
        with self.locks.setdefault(entry.object, Lock()):
            rows = self.files.get(entry.object)
            if rows is None:
                rows = self.files[entry.object] = self._by_partition(self._read_new(entry))
        for old in list(self.files)[:-_FILES_KEPT]:
            self.files.pop(old, None)
        return rows

    def _read_new(self, entry: Entry) -> pl.DataFrame:
        data = self.landing.read(entry.object)
        if hashlib.sha256(data).hexdigest() != entry.sha256:
            fix = "Look for arrivals again: the new content is then judged."
            raise BadDropError(object=entry.object, reason="It changed since it was accepted.", fix=fix)
        return read_drop(data, entry.object, self.table, self.dataset)

    def _by_partition(self, rows: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
        if self.table != "sales":
            return {WHOLE: rows}
        first, last = rows["date"].min(), rows["date"].max()
        if isinstance(first, date) and first == last:
            return {first.isoformat(): rows}
        days = rows.partition_by("date", as_dict=True, maintain_order=True)
        return {day.isoformat(): part for (day,), part in days.items()}

    def _published_rows(self, partition: str) -> pl.DataFrame:
        return self.lake.store.read_parquet([self.published[partition].path])

    def _inputs(self, partition: str, entries: Sequence[Entry]) -> Iterator[Input]:
        before = self.published[partition].inputs if partition in self.published else ()
        for entry in entries:
            if entry.state == "accepted" and entry.sha256 is not None:
                rows = entry.partitions[partition]
                yield Input(entry.object, entry.e_tag, entry.size, entry.sha256, rows, entry.version_id)
            else:
                yield from (one for one in before if one.object == entry.object)


def part_stats(frame: pl.DataFrame) -> dict[str, object]:
    """What checks and plots ask of a part without reading it: rows by store, and units where it has any."""
    stats: dict[str, object] = {}
    if "store_id" in frame.columns:
        stats["rows_by_store"] = dict(sorted(frame["store_id"].value_counts().iter_rows()))
    if "units_sold" in frame.columns and frame.height:
        units = frame["units_sold"].cast(pl.Float64)
        stats |= {
            "units_sold_total": units.sum(),
            "units_sold_min": units.min(),
            "units_sold_max": units.max(),
        }
    return stats
