"""The feature rows and means of a forecast, pool by pool: in this process, or wherever shards run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

import polars as pl

from retail_forecast.dataset import Dataset
from retail_forecast.lake.tables import Lake
from retail_forecast.models import Bundle
from retail_forecast.parallel import map_shards
from retail_forecast.pipeline.cold_start import as_new
from retail_forecast.pipeline.features import forecast_features
from retail_forecast.pipeline.spec import feature_spec
from retail_forecast.pipeline.train import counted
from retail_forecast.scratch import scratch_folder

_SHARD_GB = 2.5
_SMALL_CELLS = 30_000_000  # series times periods that are looked at; M5 has 14 million
Progress = Callable[[int, int], None] | None
FeaturesAndMeans = tuple[pl.DataFrame, pl.DataFrame]


@dataclass(frozen=True)
class Asked:
    """What is to be forecast. releases: every series with its first sale, listed ones (`new`) among them.

    pools: the stores that are forecast, by the pool whose model does it.
    """

    lake: Lake
    dataset: Dataset
    bundle: Bundle
    cutoff: date
    releases: pl.DataFrame
    new: pl.DataFrame
    pools: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class _PoolRows:
    """The feature rows of one pool's stores, in memory."""

    name: str
    features: pl.DataFrame


@dataclass(frozen=True)
class _PoolShard:
    """The forecasts of one pool's stores: features and means go to files in `folder`."""

    name: str
    stores: tuple[str, ...]
    lake: Lake
    dataset: Dataset
    cutoff: date
    bundle: Path
    folder: Path

    @property
    def means(self) -> Path:
        return self.folder / f"forecasts-{self.name}.parquet"

    @property
    def features(self) -> Path:
        return self.folder / f"features-{self.name}.parquet"


def forecast_rows(asked: Asked, *, workers: int, on_progress: Progress) -> FeaturesAndMeans:
    """(feature rows without units_sold, their means: keys, date, mean, lead), pool by pool, equal whoever does it."""
    spec = feature_spec(asked.dataset)
    cells = asked.releases.height * (spec.warm_up + spec.horizon)
    return (_here if cells <= _SMALL_CELLS else _in_shards)(asked, workers, on_progress)


def pools_of(bundle: Bundle, stores: pl.Series) -> dict[str, tuple[str, ...]]:
    """Stores with sales, by the pool that forecasts them; stores that no pool knows are one more."""
    active = set(stores)
    pools = {pool: tuple(sorted(active & set(known))) for pool, known in bundle.pools.items()}
    pooled = {store for known in pools.values() for store in known}
    pools["new-stores"] = tuple(sorted(active - pooled))
    return {pool: members for pool, members in pools.items() if members}


def _here(asked: Asked, workers: int, on_progress: Progress) -> FeaturesAndMeans:
    """Of few series: their history is read once, and means are made on threads."""
    rows = forecast_features(asked.lake, asked.dataset, cutoff=asked.cutoff, releases=asked.releases)
    rows = as_new(rows, asked.new, asked.bundle.spec)
    pools = [_PoolRows(pool, rows.filter(pl.col("store_id").is_in(stores))) for pool, stores in asked.pools.items()]
    predict = partial(_means, asked.bundle, asked.dataset, asked.cutoff)
    means = map_shards(predict, pools, workers=workers, small=True, on_done=counted(pools, on_progress))
    return pl.concat([pool.features.drop("units_sold") for pool in pools]), pl.concat(means)


def _in_shards(asked: Asked, workers: int, on_progress: Progress) -> FeaturesAndMeans:
    """Of any number of series: each pool reads its own history, and tables travel as files."""
    with scratch_folder("forecasts") as folder:
        path = asked.bundle.path
        asked.releases.write_parquet(folder / "releases.parquet")
        asked.new.write_parquet(folder / "new_series.parquet")
        shards = [
            _PoolShard(pool, stores, asked.lake, asked.dataset, asked.cutoff, path, folder)
            for pool, stores in asked.pools.items()
        ]
        done = counted(shards, on_progress)
        map_shards(_forecast_shard, shards, workers=workers, memory_gb=_SHARD_GB, on_done=done)
        features = pl.concat([pl.read_parquet(shard.features) for shard in shards])
        return features, pl.concat([pl.read_parquet(shard.means) for shard in shards])


def _forecast_shard(shard: _PoolShard) -> int:
    releases = pl.read_parquet(shard.folder / "releases.parquet")
    new = pl.read_parquet(shard.folder / "new_series.parquet")
    features = forecast_features(shard.lake, shard.dataset, cutoff=shard.cutoff, stores=shard.stores, releases=releases)
    bundle = Bundle.load(shard.bundle)
    rows = _PoolRows(shard.name, as_new(features, new, bundle.spec))
    _means(bundle, shard.dataset, shard.cutoff, rows).write_parquet(shard.means)
    rows.features.drop("units_sold").write_parquet(shard.features)
    return rows.features.height


def _means(bundle: Bundle, dataset: Dataset, cutoff: date, rows: _PoolRows) -> pl.DataFrame:
    lead = (pl.col("date") - pl.lit(cutoff)).dt.total_days() // dataset.period_days
    return bundle.predict(rows.features).with_columns(lead=lead.cast(pl.Int16))
