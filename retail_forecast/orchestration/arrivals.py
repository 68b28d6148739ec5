"""The arrivals sensor: what lands becomes facts that Dagster knows. Automation decides what follows from them.

The ledger in the lake is written first (see `lake.arrivals`), and facts are what the ledger says and Dagster does not:
after a crash at any point the same facts are reported again, and one that is reported twice changes nothing.
"""

from collections.abc import Iterator

import dagster as dg

from retail_forecast.dataset import Dataset
from retail_forecast.lake.ledger import Entry, Fact, Ledger
from retail_forecast.lake.tables import WHOLE, digest_of
from retail_forecast.orchestration.checks.landing import evaluate_landing, readable_check
from retail_forecast.orchestration.resources import Platform
from retail_forecast.pipeline.arrivals import current_ledger, look_for_arrivals

DATA_VERSION = "dagster/data_version"
FILES_PER_TICK = 200
FACTS_PER_TICK = 200
_NOTHING = digest_of(())

AssetEvent = dg.AssetMaterialization | dg.AssetObservation | dg.AssetCheckEvaluation


def build_arrivals_sensor(platform: Platform) -> dg.SensorDefinition:
    """The sensor over the platform's landing. Its cursor is the ledger version that was reported through."""

    @dg.sensor(
        name="arrivals",
        minimum_interval_seconds=platform.settings.arrivals_interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Compares the landing with the ledger and reports each changed partition's content hash.",
    )
    def arrivals(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        poll = look_for_arrivals(
            platform.lake,
            platform.landing,
            platform.dataset,
            settle_seconds=platform.settings.settle_seconds,
            limit=FILES_PER_TICK,
            workers=platform.settings.workers,
        )
        if context.cursor == str(poll.ledger.version):
            return dg.SkipReason(f"Nothing new; {len(poll.waiting)} files may still be being written.")
        return _report(context, platform, poll.ledger)

    return arrivals


def _report(context: dg.SensorEvaluationContext, platform: Platform, ledger: Ledger) -> dg.SensorResult:
    facts = unreported_facts(context.instance, ledger, platform.dataset)
    events: list[AssetEvent] = [materialization_of(fact) for fact in facts[:FACTS_PER_TICK]]
    if len(facts) > FACTS_PER_TICK:
        return dg.SensorResult(asset_events=events, cursor=context.cursor)
    reported = current_ledger(platform.lake, platform.dataset, int(context.cursor or 0))
    events += news_of_files(reported, ledger, platform.dataset)
    return dg.SensorResult(asset_events=events, cursor=str(ledger.version))


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
