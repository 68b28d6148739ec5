"""Dagster's event log on SQLite, with kept connections and batches.

Dagster's own opens and closes a connection, and so syncs the disk, four times per event: about 70 ms where a disk is
slow, four minutes for the facts and partitions of the 1,941 days of the M5 archive.
"""

from __future__ import annotations

import os
import sqlite3
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any, Self

import dagster as dg
from dagster._core.events import (
    ASSET_EVENTS,
    AssetObservationData,
    DagsterEvent,
    DagsterEventBatchMetadata,
    DagsterEventType,
    StepMaterializationData,
    generate_event_batch_id,
)
from dagster._core.events.log import EventLogEntry
from dagster._core.instance.utils import RUNLESS_JOB_NAME, RUNLESS_RUN_ID
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

BATCH_EVENTS = "500"
ENGINES_KEPT = 8


class BatchingEventLogStorage(SqliteEventLogStorage):
    """SqliteEventLogStorage that keeps connections, and whose batches are two transactions: run's file and index.

    A write reaches the system at once and the disk a little later (`synchronous=NORMAL`): a killed process loses
    nothing, a power cut may lose the last moments of the log. What was published is in the lake, not here.
    """

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        super().__init__(base_dir, inst_data)
        # Dagster asks the environment whether its storage takes batches; this one does.
        os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", BATCH_EVENTS)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> Self:
        """The storage that dagster.yaml describes."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    def _engine(self, shard: str) -> Engine:
        if shard not in self._engines:
            timeout = {"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
            engine = create_engine(self.conn_string_for_shard(shard), poolclass=StaticPool, connect_args=timeout)
            event.listen(engine, "connect", _sync_less)
            self._engines[shard] = engine
        self._engines.move_to_end(shard)
        while len(self._engines) > ENGINES_KEPT:
            oldest = next(name for name in self._engines if name != INDEX_SHARD_NAME)
            self._engines.pop(oldest).dispose()
        return self._engines[shard]

    def dispose(self) -> None:
        """Closes the connections."""
        while self._engines:
            self._engines.popitem()[1].dispose()
        super().dispose()

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Stores the events in their order: neighbours about assets at once, any other one by one."""
        for (run_id, of_assets), group in groupby(events, lambda one: (one.run_id, _is_asset_event(one))):
            if of_assets:
                self._store_asset_events(run_id, list(group))
            else:
                super().store_event_batch(list(group))

    def _store_asset_events(self, run_id: str, events: Sequence[EventLogEntry]) -> None:
        statements = [self.prepare_insert_event(one) for one in events]
        with self.run_connection(run_id) as connection:
            for statement in statements:
                connection.execute(statement)
        with self.index_transaction() as connection:
            ids = [_new_id(connection.execute(statement).inserted_primary_key) for statement in statements]
            self._store_asset_event_tags(connection, events, ids)
            for last, event_id in _last_of_each_kind(events, ids):
                self._store_asset_event(connection, last, event_id)


def _new_id(primary_key: Sequence[Any] | None) -> int:
    if primary_key is None:
        raise dg.DagsterInvariantViolationError("SQLite gave a stored event no id.")
    return int(primary_key[0])


def _sync_less(connection: sqlite3.Connection, _: object) -> None:
    connection.execute("PRAGMA synchronous=NORMAL")


def report_asset_events(
    instance: dg.DagsterInstance, events: Sequence[dg.AssetMaterialization | dg.AssetObservation]
) -> None:
    """Reports facts that no run made, as one batch; as `instance.report_runless_asset_event` does for one."""
    batch: str = generate_event_batch_id()  # type: ignore[no-untyped-call]
    for number, one in enumerate(events, 1):
        end = DagsterEventBatchMetadata(batch, number == len(events))
        instance.report_dagster_event(_runless(one), RUNLESS_RUN_ID, batch_metadata=end)


def _runless(fact: dg.AssetMaterialization | dg.AssetObservation) -> DagsterEvent:
    if isinstance(fact, dg.AssetMaterialization):
        kind, data = DagsterEventType.ASSET_MATERIALIZATION, StepMaterializationData(fact)
        return DagsterEvent(kind.value, job_name=RUNLESS_JOB_NAME, event_specific_data=data)
    observed = AssetObservationData(fact)
    kind = DagsterEventType.ASSET_OBSERVATION
    return DagsterEvent(kind.value, job_name=RUNLESS_JOB_NAME, event_specific_data=observed)


def _is_asset_event(entry: EventLogEntry) -> bool:
    found = entry.dagster_event
    return found is not None and found.event_type in ASSET_EVENTS and found.asset_key is not None


def _last_of_each_kind(events: Sequence[EventLogEntry], ids: Sequence[int]) -> list[tuple[EventLogEntry, int]]:
    last: dict[tuple[Any, Any], tuple[EventLogEntry, int]] = {}
    for entry, event_id in zip(events, ids, strict=True):
        found = entry.get_dagster_event()
        last[found.asset_key, found.event_type] = (entry, event_id)
    return list(last.values())
