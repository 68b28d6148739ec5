"""Vintages: immutable sets of forecasts, each with its cutoff, its model and the exact inputs behind it.

A vintage is a folder `vintages/<id>/`: forecasts.parquet, level_forecasts.parquet (the levels above the series),
scenario_features.parquet (the horizon's feature rows, for what-if), history/ (what sold before), bundle/ (the model)
and, written last, vintage.json. A pointer names the vintage in force: the one that was published last, also when its
content was known from before (a correction that was taken back).
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from retail_forecast.errors import NotFoundError
from retail_forecast.lake.symlinks import point_at
from retail_forecast.lake.tables import Lake
from retail_forecast.lake.versions import VersionedDocument
from retail_forecast.lake.vintage_history import History, write_history

_PREFIX = "vintages"
_SCENARIOS = "scenario_features.parquet"
_ROWS_AT_ONCE = 8192  # what-if reads one series: from groups so small it takes 2 ms and no memory


@dataclass(frozen=True)
class Vintage:
    """What is said of one vintage. Dates are ISO texts; `inputs` lists, per table, the objects behind its parts.

    levels: names of the levels above the series that it has forecasts of. history: how many periods before the cutoff
    it tells the sales of.
    """

    id: str
    dataset: str
    frequency: str
    cutoff: str
    horizon: int
    quantiles: tuple[float, ...]
    model_version: str
    model: Mapping[str, Any]
    inputs: Mapping[str, list[dict[str, Any]]]
    fingerprint: str
    code_version: str
    created_at: str
    rows: int
    series: int
    levels: tuple[str, ...] = ()
    history: int = 0


_FIELDS = {field.name for field in fields(Vintage)}


def vintage_id(cutoff: date, fingerprint: str) -> str:
    """Identifier of the vintage with that cutoff and fingerprint of inputs."""
    return f"{cutoff.isoformat()}-{fingerprint[:10]}"


def publish_vintage(
    lake: Lake,
    vintage: Vintage,
    forecasts: pl.DataFrame,
    scenario_features: pl.DataFrame,
    bundle: Path,
    level_forecasts: pl.DataFrame | None = None,
    history: History | None = None,
    *,
    in_force: bool = True,
) -> Vintage:
    """Writes the vintage's files, vintage.json last, and puts it in force unless it is only to be tried.

    One that is published already stays as it is and is returned.
    """
    if (published := find_vintage(lake, vintage.id)) is not None:
        if in_force:
            put_in_force(lake, published.id)
        return published
    folder = f"{_PREFIX}/{vintage.id}"
    lake.store.write(f"{folder}/forecasts.parquet", parquet_bytes(forecasts))
    lake.store.write(f"{folder}/{_SCENARIOS}", parquet_bytes(scenario_features, rows_at_once=_ROWS_AT_ONCE))
    if level_forecasts is not None:
        lake.store.write(f"{folder}/level_forecasts.parquet", parquet_bytes(level_forecasts))
    if history is not None:
        write_history(lake, folder, history)
    lake.store.upload_folder(bundle, f"{folder}/bundle")
    lake.store.write(f"{folder}/vintage.json", json.dumps(asdict(vintage), sort_keys=True).encode())
    if in_force:
        put_in_force(lake, vintage.id)
    return vintage


def put_in_force(lake: Lake, id: str) -> None:
    """Makes a published vintage the one that readers get. Raises NotFoundError."""
    vintage, pointer = read_vintage(lake, id), _pointer(lake)
    version, content = pointer.read()
    if content.get("id") != id:
        pointer.write_next(version, {"id": id})
    for name in ("forecasts", "level_forecasts") if vintage.levels else ("forecasts",):
        point_at(lake.store, name, f"{_PREFIX}/{id}/{name}.parquet")


def parquet_bytes(frame: pl.DataFrame, *, rows_at_once: int | None = None) -> bytes:
    """The frame as a Parquet file, of which some rows can be read alone if it is told how many at once."""
    buffer = io.BytesIO()
    small = rows_at_once is not None
    frame.write_parquet(
        buffer, compression="zstd", compression_level=1, row_group_size=rows_at_once, statistics=not small
    )
    return buffer.getvalue()


def find_vintage(lake: Lake, id: str) -> Vintage | None:
    """The vintage, or None if there is none of that name."""
    try:
        return vintage_from(lake.store.read(f"{_PREFIX}/{id}/vintage.json"))
    except NotFoundError:
        return None


def vintage_from(document: bytes) -> Vintage:
    """The vintage that a vintage.json describes; what later versions say besides is left out."""
    raw = {name: value for name, value in json.loads(document).items() if name in _FIELDS}
    return Vintage(**{**raw, "quantiles": tuple(raw["quantiles"]), "levels": tuple(raw.get("levels", ()))})


def read_vintage(lake: Lake, id: str) -> Vintage:
    """The vintage. Raises NotFoundError."""
    vintage = find_vintage(lake, id)
    if vintage is None:
        raise NotFoundError(f"Vintage {id!r}", fix="`retail-forecast status` names the latest one.")
    return vintage


def list_vintages(lake: Lake) -> list[Vintage]:
    """All published vintages, the one that was made last at the end."""
    paths = (info.path.split("/") for info in lake.store.list(_PREFIX))
    found = [read_vintage(lake, parts[1]) for parts in paths if parts[2:] == ["vintage.json"]]
    return sorted(found, key=lambda vintage: (vintage.created_at, vintage.id))


def latest_vintage(lake: Lake) -> Vintage | None:
    """The vintage in force, or None before the first."""
    _, content = _pointer(lake).read()
    return read_vintage(lake, content["id"]) if content else None


def _pointer(lake: Lake) -> VersionedDocument:
    return VersionedDocument(lake.store, "vintage_in_force")


def scan_forecasts(lake: Lake, id: str) -> pl.LazyFrame:
    """The vintage's forecasts: one row per series and period, sorted by store_id, item_id, date."""
    read_vintage(lake, id)
    return lake.store.scan_parquet([f"{_PREFIX}/{id}/forecasts.parquet"])


def scan_level_forecasts(lake: Lake, id: str, level: str) -> pl.LazyFrame:
    """The vintage's forecasts of one level above the series: one row per group and period, sorted by group and date.

    Raises NotFoundError naming the levels that there are.
    """
    vintage = read_vintage(lake, id)
    if level not in vintage.levels:
        fix = f"It has {', '.join(vintage.levels) or 'none: publish forecasts again'}."
        raise NotFoundError(f"Level {level!r} in vintage {id}", fix=fix)
    return lake.store.scan_parquet([f"{_PREFIX}/{id}/level_forecasts.parquet"]).filter(level=level)


def scan_all_level_forecasts(lake: Lake, vintage: Vintage) -> pl.LazyFrame | None:
    """The same of all levels together, sorted by level, group and date; None if it was published without."""
    return lake.store.scan_parquet([f"{_PREFIX}/{vintage.id}/level_forecasts.parquet"]) if vintage.levels else None


def fetch_scenario_features(lake: Lake, id: str, target: Path) -> Path:
    """The feature rows behind the vintage's forecasts as a file of this machine; `target` receives a download.

    One row per series and period, in the order of the forecasts.
    """
    return _fetch(lake, id, _SCENARIOS, target)


def fetch_forecasts(lake: Lake, id: str, target: Path) -> Path:
    """The vintage's forecasts as a file of this machine; `target` receives a download."""
    return _fetch(lake, id, "forecasts.parquet", target)


def _fetch(lake: Lake, id: str, name: str, target: Path) -> Path:
    read_vintage(lake, id)
    if lake.store.folder is not None:
        return lake.store.folder / _PREFIX / id / name
    target.write_bytes(lake.store.read(f"{_PREFIX}/{id}/{name}"))
    return target


def fetch_bundle(lake: Lake, id: str, target: Path) -> Path:
    """The vintage's model as a local folder; `target` receives a download where the lake is not local."""
    read_vintage(lake, id)
    if lake.store.folder is not None:
        return lake.store.folder / _PREFIX / id / "bundle"
    lake.store.download_folder(f"{_PREFIX}/{id}/bundle", target)
    return target
