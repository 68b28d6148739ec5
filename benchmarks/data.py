"""Lakes to measure on: the made-up shop as a chain of many stores, or M5; any number of stores by copying them.

A workplace is a folder: `dataset.yaml`, `lake/`, and `ready` once it is complete; it is built once and kept.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from benchmarks.measure import Result, measure
from retail_forecast.dataset import Dataset, load_dataset
from retail_forecast.lake import Lake, Store, open_lake, open_store
from retail_forecast.lake.tables import WHOLE, NewPart
from retail_forecast.schemas import schema_for

UNTIL = date(2024, 12, 31)
SHOP_STORES = 3


@dataclass(frozen=True)
class Source:
    """Where the data comes from. stores: how many (None: all of M5, twelve made-up ones). days: of made-up sales."""

    kind: str
    stores: int | None = None
    days: int = 730
    archive: Path | None = None

    @property
    def name(self) -> str:
        """The workplace's folder name."""
        if self.kind == "m5":
            return f"m5-{self.stores or 'all'}-stores"
        return f"made-up-{self.stores or 12}-stores-{self.days}-days"


def open_workplace(folder: Path) -> tuple[Lake, Dataset]:
    """The lake and the dataset of a workplace."""
    return open_lake((folder / "lake").resolve().as_uri()), load_dataset(folder / "dataset.yaml")


def prepare(source: Source, home: Path, *, cores: int) -> Path:
    """The workplace of a source, built in a process of its own unless it is there."""
    folder = home / source.name
    if source.kind == "m5":
        return _built(folder, build_m5, cores, {"stores": source.stores, "archive": source.archive})
    return _built(folder, build_made_up, cores, {"stores": source.stores, "days": source.days})


def resized(base: Path, stores: int, *, cores: int) -> Path:
    """A workplace with this many stores: the first ones of `base`, or all of them several times under new names."""
    folder = base.with_name(f"{base.name}-as-{stores}")
    return _built(folder, copy_stores, cores, {"base": base, "stores": stores})


def store_names(folder: Path) -> list[str]:
    """The stores of a workplace, sorted."""
    table = _scan(open_workplace(folder)[0], "stores")
    return sorted(table.select("store_id").collect()["store_id"])


def build_made_up(folder: str, stores: int | None, days: int) -> Result:
    """Chains of three shops, each with a seed of its own, until there are `stores` of them (12)."""
    from retail_forecast.ingest.shop import SEED, build_shop

    wanted, landings = stores or 12, {}
    for chain in range(-(-wanted // SHOP_STORES)):
        landings[f"-{chain:03d}"] = open_store(f"memory:///chain-{chain}")
        dataset = build_shop(landings[f"-{chain:03d}"], until=UNTIL, days=days, seed=SEED + chain)
    kept = sorted(f"{shop}{suffix}" for suffix in landings for shop in ("harbour", "market", "station"))[:wanted]
    return _publish(Path(folder), dataset, landings, kept)


def build_m5(folder: str, stores: int | None, archive: str) -> Result:
    """The archive's first `stores` stores (all ten)."""
    from retail_forecast.ingest.m5 import import_m5

    landing = open_store((Path(folder) / "landing").resolve().as_uri())
    names = [f"{state}_{i}" for state, count in (("CA", 4), ("TX", 3), ("WI", 3)) for i in range(1, count + 1)]
    kept = names[:stores]
    dataset = import_m5(Path(archive), landing, stores=kept)
    made = _publish(Path(folder), dataset, {"": landing}, kept)
    shutil.rmtree(Path(folder) / "landing")
    return made


def copy_stores(base: str, folder: str, stores: int) -> Result:
    """Publishes the tables of `base` with `stores` stores."""
    lake, dataset = open_workplace(Path(base))
    names = store_names(Path(base))
    copies = [(names[i % len(names)], f"{names[i % len(names)]}~{i // len(names)}") for i in range(stores)]
    renamed = pl.DataFrame(copies, schema=["store_id", "copy"], orient="row")
    (Path(folder) / "lake").mkdir(parents=True)
    target = open_lake((Path(folder) / "lake").resolve().as_uri())
    for name in dataset.tables:
        parts = lake.table(name).manifest().parts
        frames = ((key, pl.read_parquet(lake.store.url_of(part.path))) for key, part in parts.items())
        target.table(name).publish((key, NewPart(_renamed(frame, renamed))) for key, frame in frames)
    return _finished(Path(folder), dataset, target)


def _renamed(frame: pl.DataFrame, renamed: pl.DataFrame) -> pl.DataFrame:
    if "store_id" not in frame.columns:
        return frame
    joined = frame.join(renamed, on="store_id").with_columns(store_id=pl.col("copy")).select(frame.columns)
    return joined.sort([key for key in ("store_id", "item_id", "date") if key in frame.columns])


def _built(folder: Path, build: Callable[..., Result], cores: int, arguments: Result) -> Path:
    if not (folder / "ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        measure(build, cores=cores, folder=folder, **arguments)
        (folder / "ready").touch()
    return folder


def _publish(folder: Path, dataset: Dataset, landings: Mapping[str, Store], kept: list[str]) -> Result:
    """Publishes every table from the landings; a landing's key is added to the names of its stores."""
    (folder / "lake").mkdir(parents=True)
    lake = open_lake((folder / "lake").resolve().as_uri())
    for name in dataset.tables:
        lake.table(name).publish(_parts(dataset, name, landings, kept))
    return _finished(folder, dataset, lake)


def _parts(
    dataset: Dataset, table: str, landings: Mapping[str, Store], kept: list[str]
) -> Iterator[tuple[str, NewPart]]:
    """The partitions of a table: sales by day, other tables whole."""
    first = next(iter(landings.values()))
    for path in [info.path for info in first.list(f"{table}/")]:
        frames = []
        for suffix, landing in landings.items():
            rows = _read(landing.read(path), path, schema_for(dataset, table).create_empty().schema)
            if "store_id" in rows.columns:
                rows = rows.with_columns(pl.col("store_id") + suffix).filter(pl.col("store_id").is_in(kept))
            frames.append(rows)
        keys = list(dataset.table(table).keys)
        rows = pl.concat(frames).unique(keys, keep="first").sort(keys)
        yield (rows["date"][0].isoformat() if table == "sales" else WHOLE), NewPart(rows)


def _read(data: bytes, path: str, schema: pl.Schema) -> pl.DataFrame:
    """A drop that our own importers made, read without the checks that others' drops need."""
    raw = pl.read_parquet(data) if path.endswith(".parquet") else pl.read_csv(data, schema_overrides=schema)
    return raw.select(pl.col(name).cast(kind) for name, kind in schema.items())


def _finished(folder: Path, dataset: Dataset, lake: Lake) -> Result:
    (folder / "dataset.yaml").write_text(dataset.to_yaml(), encoding="utf-8")
    return {"rows": lake.table("sales").manifest().rows}


def _scan(lake: Lake, table: str) -> pl.LazyFrame:
    rows = lake.table(table).scan()
    if rows is None:
        raise RuntimeError(f"The lake has no table {table!r}: delete the workplace and run again.")
    return rows


def read_sales(folder: Path, *, since: date | None = None, until: date | None = None) -> pl.LazyFrame:
    """One row per series and day: store_id, item_id, date, units_sold."""
    rows = open_workplace(folder)[0].table("sales").scan(since=since, until=until)
    if rows is None:
        raise RuntimeError(f"{folder} has no sales in this time: delete the workplace and run again.")
    return rows.select("store_id", "item_id", "date", "units_sold")


def read_table(folder: Path, table: str) -> pl.LazyFrame:
    """A table other than sales, as it was published."""
    return _scan(open_workplace(folder)[0], table)


def last_day(folder: Path) -> date:
    """The last day with sales."""
    return date.fromisoformat(max(open_workplace(folder)[0].table("sales").manifest().parts))


def cutoff_of(folder: Path) -> date:
    """One horizon before the last day: what follows is held out."""
    _, dataset = open_workplace(folder)
    return last_day(folder) - timedelta(days=dataset.horizon * dataset.period_days)
