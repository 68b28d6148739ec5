"""Checks of what landed: the files can be read, and every partition was made of the files that are there."""

from collections.abc import Sequence

import dagster as dg

from retail_forecast.dataset import Dataset
from retail_forecast.lake.ledger import Entry, Ledger
from retail_forecast.orchestration.resources import Platform
from retail_forecast.pipeline.arrivals import current_ledger
from retail_forecast.pipeline.tables import stale_partitions

READABLE = "landing_files_are_readable"
FOLLOWED = "every_delivery_was_taken_over"
_NAMED = 20


def build_landing_checks(dataset: Dataset) -> list[dg.AssetChecksDefinition]:
    """Both checks for each table."""
    return [check for table in dataset.tables for check in (_readable(table), _followed(table))]


def _readable(table: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=table, name=READABLE, description="Files that cannot be used are set aside and named; good ones go on."
    )
    def landing_files_are_readable(platform: dg.ResourceParam[Platform]) -> dg.AssetCheckResult:
        return evaluate_landing(current_ledger(platform.lake, platform.dataset), platform.dataset, table)

    return landing_files_are_readable


def _followed(table: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=table, name=FOLLOWED, description="No partition failed or waits: each is made of what the landing holds."
    )
    def every_delivery_was_taken_over(platform: dg.ResourceParam[Platform]) -> dg.AssetCheckResult:
        return evaluate_following(stale_partitions(platform.lake, platform.dataset, table))

    return every_delivery_was_taken_over


def evaluate_landing(ledger: Ledger, dataset: Dataset, table: str) -> dg.AssetCheckResult:
    """Names the rejected files of a table; those in no table's folder are named with sales."""
    own = [entry for entry in ledger.rejected() if _belongs(entry, dataset, table)]
    return dg.AssetCheckResult(
        passed=not own,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"rejected": len(own), **{entry.object: f"{entry.reason} {entry.fix}" for entry in own[:_NAMED]}},
    )


def readable_check(ledger: Ledger, dataset: Dataset, table: str) -> dg.AssetCheckEvaluation:
    """The same as an event, for the sensor: a file that is rejected starts no run that could check it."""
    result = evaluate_landing(ledger, dataset, table)
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(table),
        check_name=READABLE,
        passed=result.passed,
        severity=result.severity,
        metadata=result.metadata,
    )


def evaluate_following(stale: Sequence[str]) -> dg.AssetCheckResult:
    """Names the partitions that are behind their files."""
    return dg.AssetCheckResult(
        passed=not stale,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"behind": len(stale), "partitions": ", ".join(stale[:_NAMED]) or "none"},
    )


def _belongs(entry: Entry, dataset: Dataset, table: str) -> bool:
    return entry.table == table or (table == "sales" and entry.table not in dataset.tables)
