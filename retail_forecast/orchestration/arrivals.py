"""The arrivals sensor: what lands becomes facts that Dagster knows. Automation decides what follows from them.

With a queue of events a tick looks at the objects that they name, and now and then at the whole landing, which finds
what events missed; without one, every tick lists the landing.

The ledger in the lake is written first (see `lake.arrivals`), and facts are what the ledger says and Dagster does not:
after a crash at any point the same facts are reported again, and one that is reported twice changes nothing.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import dagster as dg

from retail_forecast.dataset import Dataset
from retail_forecast.lake.arrivals import Poll
from retail_forecast.lake.ledger import Entry, Fact, Ledger
from retail_forecast.lake.sightings import Discarded
from retail_forecast.lake.tables import WHOLE, digest_of
from retail_forecast.orchestration.checks.landing import evaluate_landing, readable_check
from retail_forecast.orchestration.resources import Platform
from retail_forecast.pipeline.arrivals import current_ledger, look_for_arrivals
from retail_forecast.settings import Settings

DATA_VERSION = "dagster/data_version"
FILES_PER_TICK = 200
FACTS_PER_TICK = 200
_NOTHING = digest_of(())

AssetEvent = dg.AssetMaterialization | dg.AssetObservation | dg.AssetCheckEvaluation


def build_arrivals_sensor(platform: Platform) -> dg.SensorDefinition:
    """The sensor over the platform's landing. It keeps the last ledger, so that a quiet tick does not read it."""
    last: list[Ledger] = []

    @dg.sensor(
        name="arrivals",
        minimum_interval_seconds=platform.settings.arrivals_interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Compares what landed with the ledger and reports each changed partition's content hash.",
    )
    def arrivals(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        cursor = Cursor.parse(context.cursor)
        events = None if cursor.listing_is_due(platform.settings) else platform.events()
        poll = look_for_arrivals(
            platform.lake,
            platform.landing,
            platform.dataset,
            settle_seconds=platform.settings.settle_seconds,
            arrivals=events,
            known=last[0] if last else None,
            limit=FILES_PER_TICK,
            workers=platform.settings.workers,
        )
        last[:] = [poll.ledger]
        if events is None and poll.remaining == 0 and platform.settings.arrivals_queue_url is not None:
            cursor = replace(cursor, listed_at=time.time())
        return _report(context, platform, poll, cursor)

    return arrivals


@dataclass(frozen=True)
class Cursor:
    """How far the sensor has come: the ledger version that was reported through, and when the landing was last listed.

    Written "VERSION" or "VERSION SECONDS"; losing it costs a listing and no fact.
    """

    version: int = 0
    listed_at: float = 0.0

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """The cursor that Dagster kept."""
        version, _, listed_at = (text or "0").partition(" ")
        return cls(int(version), float(listed_at or 0))

    def __str__(self) -> str:
        return f"{self.version} {self.listed_at:.0f}" if self.listed_at else str(self.version)

    def listing_is_due(self, settings: Settings) -> bool:
        """Whether the whole landing is to be looked at: always without events, else now and then."""
        return (
            settings.arrivals_queue_url is None or time.time() >= self.listed_at + settings.arrivals_reconcile_seconds
        )


def _report(context: dg.SensorEvaluationContext, platform: Platform, poll: Poll, cursor: Cursor) -> dg.SensorResult:
    """Facts that Dagster does not know, and the messages that were set aside: these are told once, so first."""
    events: list[AssetEvent] = [_observation_of(one) for one in poll.look.discarded]
    if cursor.version == poll.ledger.version:
        skip = None if events else f"Nothing new; {len(poll.waiting)} files may still be being written."
        return dg.SensorResult(asset_events=events, cursor=str(cursor), skip_reason=skip)
    facts = unreported_facts(context.instance, poll.ledger, platform.dataset)
    events += [materialization_of(fact) for fact in facts[:FACTS_PER_TICK]]
    if len(facts) > FACTS_PER_TICK:
        return dg.SensorResult(asset_events=events, cursor=str(cursor))
    reported = current_ledger(platform.lake, platform.dataset, cursor.version)
    events += news_of_files(reported, poll.ledger, platform.dataset)
    return dg.SensorResult(asset_events=events, cursor=str(replace(cursor, version=poll.ledger.version)))


def _observation_of(discarded: Discarded) -> dg.AssetObservation:
    """A message that names no object belongs to no table; it is shown with the sales, where people look."""
    place = "the queue; RETAIL_FORECAST_ARRIVALS_DEAD_LETTER_URL is not set" if discarded.kept else "the dead letters"
    metadata = {"message": discarded.message.id, "reason": discarded.reason, "is now in": place}
    return dg.AssetObservation(raw_key("sales"), metadata=metadata)


def raw_key(table: str) -> dg.AssetKey:
    """Key of the external asset that stands for a table's files."""
    return dg.AssetKey(f"raw_{table}")


def unreported_facts(instance: dg.DagsterInstance, ledger: Ledger, dataset: Dataset) -> list[Fact]:
    """Facts of the ledger that Dagster does not know, or knows otherwise."""
    facts = []
    for table in dataset.tables:
        known = _reported_versions(instance, table)
        present = {part: version for (name, part), version in ledger.data_versions.items() if name == table}
        for partition in sorted(known.keys() | present.keys()):
            version = present.get(partition, _NOTHING)
            if known.get(partition, _NOTHING) != version:
                entries = ledger.by_partition.get((table, partition), [])
                facts.append(Fact(table, partition, version, tuple(entry.object for entry in entries)))
    return facts


def materialization_of(fact: Fact) -> dg.AssetMaterialization:
    """The fact as Dagster's event; its data version is the hash of the contents."""
    return dg.AssetMaterialization(
        raw_key(fact.table),
        partition=None if fact.partition == WHOLE else fact.partition,
        tags={DATA_VERSION: fact.data_version},
        metadata={"objects": list(fact.objects)},
    )


def news_of_files(before: Ledger, now: Ledger, dataset: Dataset) -> Iterator[AssetEvent]:
    """Observations that name the rejected and deleted files since `before`, and what the checks now say of them."""
    for state in ("rejected", "deleted"):
        for entry in now.news_since(before, state):
            if entry.table in dataset.tables:
                yield dg.AssetObservation(raw_key(entry.table), metadata=_entry_metadata(entry))
    for table in dataset.tables:
        if evaluate_landing(before, dataset, table).metadata != evaluate_landing(now, dataset, table).metadata:
            yield readable_check(now, dataset, table)


def _entry_metadata(entry: Entry) -> dict[str, str]:
    known = {"object": entry.object, "state": entry.state, "reason": entry.reason, "what to do": entry.fix}
    return {name: text for name, text in known.items() if text}


def _reported_versions(instance: dg.DagsterInstance, table: str) -> dict[str, str]:
    if table == "sales":
        kind = dg.DagsterEventType.ASSET_MATERIALIZATION
        tags = instance.event_log_storage.get_latest_tags_by_partition(raw_key(table), kind, [DATA_VERSION])
        return {partition: found[DATA_VERSION] for partition, found in tags.items()}
    event = instance.get_latest_materialization_event(raw_key(table))
    materialization = event.asset_materialization if event is not None else None
    return {WHOLE: (materialization.tags or {})[DATA_VERSION]} if materialization is not None else {}
