"""Features from the lake's tables: one artifact per training set, one frame per forecast.

A training set is the folder `features/<fingerprint>/`: `pool=<name>/features.parquet` for each pool of stores, beside
it `phases.parquet` where series are few, `groups.parquet` for the sums of series, and `features.json`, which says what
they are. Equal inputs have the same fingerprint and are built once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cache
from hashlib import sha256
from itertools import chain
from pathlib import Path

import polars as pl

import retail_forecast.features
from retail_forecast.dataset import Dataset
from retail_forecast.errors import ConfigurationError, NotFoundError
from retail_forecast.features import FeatureSpec, stream_features, training_phases
from retail_forecast.lake.artifacts import Artifact
from retail_forecast.lake.tables import WHOLE, Lake, Manifest, digest_of
from retail_forecast.models import Recipe
from retail_forecast.parallel import map_shards
from retail_forecast.pipeline.feature_sets import FeatureSet, group_stores, phases_path, pool_path, write_rows
from retail_forecast.pipeline.groups import find_grouping, groups_path, training_rows_of_groups
from retail_forecast.pipeline.inputs import no_sales, scan_sales, scan_tables
from retail_forecast.pipeline.releases import read_first_sales
from retail_forecast.pipeline.spec import feature_spec
from retail_forecast.scratch import scratch_folder

KIND = "features"
SHARD_ROWS = 2_000_000
_READ_ROWS = 30_000_000  # of history for a forecast, read at once: 12 bytes each
GB_PER_MILLION_ROWS = 1.2


@dataclass(frozen=True)
class Pool:
    """The stores whose features are built, and whose model is trained, together. One shard of the work.

    phases: by how many periods the cutoffs of further rows lie earlier.
    """

    name: str
    stores: tuple[str, ...]
    lake: Lake
    spec: FeatureSpec
    start: date
    cutoff: date
    folder: Path
    phases: tuple[int, ...] = ()

    @property
    def path(self) -> Path:
        return pool_path(self.folder, self.name)


def build_training_features(
    lake: Lake,
    dataset: Dataset,
    *,
    cutoff: date,
    recipe: Recipe,
    workers: int,
    backtest_cutoffs: int = 2,
    shard_rows: int = SHARD_ROWS,
    on_progress: Callable[[int, int], None] | None = None,
) -> FeatureSet:
    """Publishes the training set of a cutoff, or finds the one that equal inputs gave.

    Its rows begin one training window before the earliest of `backtest_cutoffs` cutoffs, a horizon apart, the last
    of them one horizon before `cutoff`. `on_progress(done, all)` counts pools.
    """
    _check_cutoff(dataset, cutoff)
    spec = feature_spec(dataset)
    releases = read_releases(lake, cutoff=cutoff, keep=True)
    if releases.is_empty():
        raise NotFoundError(f"Any sale by {cutoff}", fix="Deliver sales of earlier periods, or move the cutoff later.")
    window = recipe.window(releases.height)
    start = max(spec.shift(cutoff, 1 - window - backtest_cutoffs * dataset.horizon), dataset.start_date)
    groups_start = spec.shift(cutoff, 1 - recipe.group_window_periods - backtest_cutoffs * dataset.horizon)
    groups_start = max(groups_start, dataset.start_date)
    starts = f"{start} {groups_start} {window} {recipe.aligned} {recipe.most_rows}"
    artifact = Artifact(lake, KIND, _fingerprint(lake, dataset, spec, starts, cutoff, shard_rows))
    if artifact.is_published():
        return FeatureSet.from_json(artifact.info())
    pools = group_stores(releases, spec, start=start, cutoff=cutoff, shard_rows=shard_rows)
    with _folder_of(artifact) as folder:
        releases.write_parquet(folder / "releases.parquet")
        phases = _further_phases(spec, recipe, releases.height, start, cutoff)
        shards = [Pool(name, stores, lake, spec, start, cutoff, folder, phases) for name, stores in pools.items()]
        rows = _build_pools(shards, workers, shard_rows, on_progress)
        grouping = find_grouping(lake, spec, releases) if recipe.aligned else None
        if grouping is not None:
            sums = training_rows_of_groups(lake, spec, grouping, releases, cutoff=cutoff, start=groups_start)
            sums.write_parquet(groups_path(folder), compression="zstd", compression_level=1)
        made = FeatureSet(artifact.fingerprint, cutoff, start, pools, rows, spec, window, grouping)
        (folder / "features.json").write_text(json.dumps(made.to_json(), indent=1))
        if folder == artifact.local_folder:
            artifact.mark_published(made.to_json())
        else:
            artifact.publish(folder, made.to_json())
    return made


def forecast_features(
    lake: Lake,
    dataset: Dataset,
    *,
    cutoff: date,
    stores: Sequence[str] | None = None,
    releases: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """One row per active series and period from cutoff + 1 to cutoff + horizon; active = sold by the cutoff.

    Reads no more history than the longest window, of as many stores at once as have 30 million rows of it.
    releases: what `read_releases` gave, for callers that ask store by store.
    """
    _check_cutoff(dataset, cutoff)
    spec = feature_spec(dataset)
    start = spec.shift(cutoff, 1)
    releases = read_releases(lake, cutoff=cutoff) if releases is None else releases
    if stores is not None:
        releases = releases.filter(pl.col("store_id").is_in(list(stores)))
    history = spec.shift(start, -spec.warm_up)
    pools = group_stores(releases, spec, start=history, cutoff=cutoff, shard_rows=_READ_ROWS)
    end = spec.shift(cutoff, spec.horizon)
    parts = (
        _stream_rows(lake, spec, pool, releases.lazy(), start=start, cutoff=cutoff, end=end)
        for pool in pools.values() or [()]
    )
    return pl.concat(chain.from_iterable(parts), rechunk=True)


def read_releases(lake: Lake, *, cutoff: date, keep: bool = False) -> pl.DataFrame:
    """One row per series sold by the cutoff: store_id, item_id, `release` (its first sale). Sorted by series.

    Reads the sales of the cutoff's year, and those of earlier years once if `keep` may write the answer to the lake:
    for those who publish. Raises NotFoundError without any.
    """
    parts = sorted(lake.table("sales").manifest().parts.items())
    until = [part for partition, part in parts if partition <= cutoff.isoformat()]
    if not until:
        raise no_sales(f"until {cutoff}")
    return read_first_sales(lake, until, code=code_digest(), keep=keep)


def known_future_shortfalls(lake: Lake, dataset: Dataset, *, cutoff: date) -> dict[str, date | None]:
    """Tables of known-future values that end before cutoff + horizon, with their last date.

    A table that carries values forward never ends; one that names only special days may end early with reason.
    """
    last = feature_spec(dataset).shift(cutoff, dataset.horizon)
    ends = {}
    for name, table in dataset.covariates():
        if table.known_future and not table.carry_forward:
            rows = lake.table(name).scan()
            ends[name] = rows.select(pl.col("date").max()).collect().item() if rows is not None else None
    return {name: end for name, end in ends.items() if end is None or end < last}


def _build_pools(
    pools: Sequence[Pool], workers: int, shard_rows: int, on_progress: Callable[[int, int], None] | None
) -> dict[str, int]:
    done: list[str] = []

    def report(pool: Pool, _rows: int) -> None:
        done.append(pool.name)
        if on_progress is not None:
            on_progress(len(done), len(pools))

    memory_gb = max(1.0, GB_PER_MILLION_ROWS * shard_rows / 1e6)
    rows = map_shards(_build_pool, pools, workers=workers, memory_gb=memory_gb, on_done=report)
    return {pool.name: count for pool, count in zip(pools, rows, strict=True)}


def _build_pool(pool: Pool) -> int:
    releases = pl.scan_parquet(pool.folder / "releases.parquet")
    pool.path.parent.mkdir(parents=True, exist_ok=True)
    if pool.phases:
        further = (_rows_of_phase(pool, releases, phase) for phase in pool.phases)
        write_rows(chain.from_iterable(further), phases_path(pool.path))
    return write_rows(_rows_of_phase(pool, releases, 0), pool.path)


def _rows_of_phase(pool: Pool, releases: pl.LazyFrame, phase: int) -> Iterator[pl.DataFrame]:
    cutoff = pool.spec.shift(pool.cutoff, -phase)
    return _stream_rows(pool.lake, pool.spec, pool.stores, releases, start=pool.start, cutoff=cutoff, end=cutoff)


def _further_phases(spec: FeatureSpec, recipe: Recipe, series: int, start: date, cutoff: date) -> tuple[int, ...]:
    """Few series can tell the more as of cutoffs in between, as long as the rows are not more than are learned from."""
    phases = training_phases(spec)
    periods = (cutoff - start).days // spec.period_days + 1
    return tuple(phases[1:]) if series * periods * len(phases) <= recipe.most_rows else ()


def _stream_rows(
    lake: Lake,
    spec: FeatureSpec,
    stores: Sequence[str],
    releases: pl.LazyFrame,
    *,
    start: date,
    cutoff: date,
    end: date,
) -> Iterator[pl.DataFrame]:
    ours = pl.col("store_id").is_in(list(stores))
    sales = scan_sales(lake, since=spec.shift(start, -spec.warm_up), until=cutoff).filter(ours)
    published = scan_tables(lake, spec)
    kept = {name: rows.filter(ours) if spec.is_per_store(name) else rows for name, rows in published.items()}
    ours_born = releases.filter(ours)
    return stream_features(sales, kept, kept, spec, cutoff=cutoff, start=start, end=end, releases=ours_born)


def _check_cutoff(dataset: Dataset, cutoff: date) -> None:
    if not dataset.is_period(cutoff):
        days = dataset.period_days
        expected = f"a period of the dataset: {dataset.start_date} plus a multiple of {days} day(s), not after its end"
        raise ConfigurationError(key="cutoff", found=str(cutoff), expected=expected)


def _fingerprint(lake: Lake, dataset: Dataset, spec: FeatureSpec, starts: str, cutoff: date, shard_rows: int) -> str:
    """Sales after the cutoff do not count, so a training set of the past stays valid as days arrive."""
    manifests = [(name, lake.table(name).manifest()) for name in ("sales", *spec.table_names)]
    contents = [f"{name}:{_digest_until(manifest, cutoff)}" for name, manifest in manifests]
    return digest_of(
        [dataset.hash, json.dumps(spec.to_json()), f"{starts} {cutoff} {shard_rows}", code_digest(), *contents]
    )


def _digest_until(manifest: Manifest, cutoff: date) -> str:
    parts = sorted(manifest.parts.items())
    return digest_of(f"{key}:{part.sha256}" for key, part in parts if key == WHOLE or key <= cutoff.isoformat())


@cache
def code_digest() -> str:
    """Hash of the feature code itself: other code, other features."""
    folder = Path(retail_forecast.features.__file__).parent
    return sha256(b"".join(file.read_bytes() for file in sorted(folder.glob("*.py")))).hexdigest()


@contextmanager
def _folder_of(artifact: Artifact) -> Iterator[Path]:
    """Where the files are written: in place in a local lake (nobody reads before it is marked), else aside."""
    if artifact.local_folder is not None:
        artifact.local_folder.mkdir(parents=True, exist_ok=True)
        yield artifact.local_folder
        return
    with scratch_folder("features") as folder:
        yield folder
