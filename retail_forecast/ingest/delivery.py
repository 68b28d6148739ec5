"""Files of a retailer into the landing: all are inspected first, so a bad one is seen before anything is landed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from retail_forecast.dataset import Dataset, Table
from retail_forecast.errors import BadDropError
from retail_forecast.ingest.drops import inspect_drop, read_drop
from retail_forecast.ingest.landing import land
from retail_forecast.lake.stores import Store


@dataclass(frozen=True)
class Imported:
    """What became of one file; `path` is its place in the landing, `error` the reason of a rejection."""

    file: Path
    path: str
    outcome: Literal["new", "changed", "unchanged", "rejected"]
    rows: int = 0
    error: BadDropError | None = None


def import_files(
    files: Sequence[Path],
    tables: Sequence[str],
    dataset: Dataset,
    landing: Store,
    *,
    keep_going: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Imported]:
    """Copies files to landing/<table>/ under their names; one result per file and table, in the order of landing.

    Each file goes to each of `tables`: sales and promotions may stand side by side in one file. Without `tables`, the
    name tells: prices_2024.csv is of prices, and what begins with no table's name is sales.
    Attributes go first, so that sales of a new store find it. With `keep_going` a bad file is left out and the
    others land; otherwise nothing lands. `on_progress(done, all)` counts inspected files.

    Raises:
        BadDropError: the first bad file, unless `keep_going`.
        DatasetError: one of `tables` is none of the dataset's.
    """
    places = _places(files, dataset, tables)
    stores = known_stores(landing, dataset)
    results: list[Imported] = []
    for done, (file, name, path) in enumerate(places, start=1):
        try:
            results.append(Imported(file, path, "new", _inspect(file, name, dataset, stores)))
        except BadDropError as error:
            if not keep_going:
                raise
            results.append(Imported(file, path, "rejected", error=error))
        if on_progress is not None:
            on_progress(done, len(places))
    return [_land(landing, result) for result in results]


def known_stores(landing: Store, dataset: Dataset) -> set[str] | None:
    """Stores that the landing's tables of stores name; None while there is none, and any store is allowed.

    Files that cannot be read count for nothing here: they are rejected where they arrive.
    """
    found: set[str] = set()
    for name, spec in dataset.attributes():
        for info in landing.list(f"{name}/") if _is_table_of_stores(spec) else []:
            try:
                found |= set(read_drop(landing.read(info.path), info.path, name, dataset)["store_id"])
            except BadDropError:
                continue
    return found or None


def _is_table_of_stores(spec: Table) -> bool:
    return spec.keys == ("store_id",)


def _inspect(file: Path, table: str, dataset: Dataset, stores: set[str] | None) -> int:
    """Rows of the file; a good table of stores adds its stores to the known ones."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise BadDropError(
            object=str(file), reason=f"It cannot be read ({error.strerror}).", fix="Check its path and rights."
        ) from error
    if _is_table_of_stores(dataset.table(table)) and stores is not None:
        frame = read_drop(data, str(file), table, dataset)
        stores |= set(frame["store_id"])
        return frame.height
    return inspect_drop(data, str(file), table, dataset, known_stores=stores).rows


def _places(files: Sequence[Path], dataset: Dataset, tables: Sequence[str]) -> list[tuple[Path, str, str]]:
    """File, table and place of each, attributes first."""
    places: dict[str, tuple[Path, str, str]] = {}
    for file, name in [(one, name) for one in files for name in tables or [_table_of(one, dataset)]]:
        path = f"{name}/{file.name}"
        dataset.table(name)
        if path in places:
            raise BadDropError(
                object=str(file),
                reason=f"It would take the place of {places[path][0]} at {path} in the landing.",
                fix="Give the files different names.",
            )
        places[path] = (file, name, path)
    return sorted(places.values(), key=lambda place: dataset.table(place[1]).kind != "attributes")


def _table_of(file: Path, dataset: Dataset) -> str:
    stem = file.name.split(".")[0].lower()
    named = [name for name in dataset.tables if stem == name or stem.startswith((f"{name}_", f"{name}-"))]
    return max(named, key=len, default="sales")


def _land(landing: Store, result: Imported) -> Imported:
    if result.outcome == "rejected":
        return result
    outcome = land(landing, result.path, result.file.read_bytes())
    return Imported(result.file, result.path, outcome, result.rows)
