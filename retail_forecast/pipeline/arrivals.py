"""One look at the landing with the dataset's eyes: what is new is read, judged and written to the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from retail_forecast.dataset import Dataset
from retail_forecast.ingest.drops import inspect_drop
from retail_forecast.lake.arrivals import Poll, poll_arrivals
from retail_forecast.lake.ledger import Ledger, read_ledger
from retail_forecast.lake.sightings import Arrivals
from retail_forecast.lake.stores import Store
from retail_forecast.lake.tables import Lake, digest_of


def look_for_arrivals(
    lake: Lake,
    landing: Store,
    dataset: Dataset,
    *,
    settle_seconds: float,
    arrivals: Arrivals | None = None,
    known: Ledger | None = None,
    limit: int | None = None,
    workers: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> Poll:
    """Looks at the landing, or at what `arrivals` names of it, once; see `lake.arrivals.poll_arrivals`."""
    stores = known_stores(lake, dataset)

    def inspect(data: bytes, path: str, table: str) -> Mapping[str, int]:
        return inspect_drop(data, path, table, dataset, known_stores=stores).partitions

    return poll_arrivals(
        landing,
        lake,
        tables=list(dataset.tables),
        inspect=inspect,
        rules=digest_of([dataset.hash, *sorted(stores or ())])[:16],
        now=datetime.now(UTC),
        settle_seconds=settle_seconds,
        arrivals=arrivals,
        known=known,
        keep_deleted=dataset.policy.deleted_files == "keep",
        limit=limit,
        workers=workers,
        on_object=on_progress,
    )


def current_ledger(lake: Lake, dataset: Dataset, version: int | None = None) -> Ledger:
    """The ledger (by default its newest version) under the dataset's policy on deleted files."""
    return read_ledger(lake, keep_deleted=dataset.policy.deleted_files == "keep", version=version)


def known_stores(lake: Lake, dataset: Dataset) -> list[str] | None:
    """Stores that sales may name: those of the table of stores; None when there is no such table yet."""
    for name, table in dataset.attributes():
        stores = lake.table(name).scan() if table.keys == ("store_id",) else None
        if stores is not None:
            return sorted(stores.select("store_id").collect()["store_id"])
    return None
