"""From the champion's bundle and the lake's tables to a vintage of forecasts."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from retail_forecast import __version__
from retail_forecast.dataset import SERIES, Dataset
from retail_forecast.errors import NotFoundError
from retail_forecast.lake.tables import Lake, Part, digest_of
from retail_forecast.lake.vintages import Vintage, find_vintage, publish_vintage, put_in_force, vintage_id
from retail_forecast.models import Bundle
from retail_forecast.parallel import map_shards
from retail_forecast.pipeline.cold_start import add_basis, add_new_releases, as_new, read_new_series
from retail_forecast.pipeline.features import code_digest, forecast_features, read_releases
from retail_forecast.pipeline.groups import forecast_groups
from retail_forecast.pipeline.level_forecasts import add_levels
from retail_forecast.pipeline.spec import feature_spec
from retail_forecast.pipeline.train import counted
from retail_forecast.schemas import forecast_schema, validate_table

_SHARD_GB = 2.5
_CONTENT = "series, levels, basis"  # what a vintage holds; another content is another vintage
_SMALL_CELLS = 30_000_000  # series times periods that are looked at; M5 has 14 million, done in 20 s on two cores


@dataclass(frozen=True)
class ForecastShard:
    """The forecasts of some stores: features and forecasts go to files in `folder`."""

    name: str
    stores: tuple[str, ...]
    lake: Lake
    dataset: Dataset
    cutoff: date
    bundle: Path
    folder: Path

    @property
    def forecasts(self) -> Path:
        return self.folder / f"forecasts-{self.name}.parquet"

    @property
    def features(self) -> Path:
        return self.folder / f"features-{self.name}.parquet"


@dataclass(frozen=True)
class PoolRows:
    """The feature rows of one pool's stores, in memory."""

    name: str
    features: pl.DataFrame


def publish_forecasts(
    lake: Lake,
    dataset: Dataset,
    *,
    bundle_dir: Path,
    model_version: str,
    model: Mapping[str, Any],
    workers: int,
    cutoff: date | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Vintage:
    """Forecasts every active series for the horizon after `cutoff` (default: the last sales) and publishes them.

    Equal inputs, model and code give the vintage that is there already; it is put in force and nothing is computed.
    Raises SchemaError if a forecast breaks its schema; nothing is published then.
    """
    bundle = Bundle.load(bundle_dir)
    cutoff = cutoff or last_sales(lake)
    parts = _parts_until(lake, dataset, cutoff)
    fingerprint = _fingerprint(bundle, model_version, dataset, cutoff, parts)
    name = vintage_id(cutoff, fingerprint)
    if (published := find_vintage(lake, name)) is not None:
        put_in_force(lake, name)
        return published
    forecasts, features, levels = _forecast(lake, dataset, bundle, cutoff, workers, on_progress)
    vintage = Vintage(
        id=name,
        dataset=dataset.name,
        frequency=dataset.frequency,
        cutoff=cutoff.isoformat(),
        horizon=dataset.horizon,
        quantiles=dataset.quantiles,
        model_version=model_version,
        model=dict(model),
        inputs={table: _inputs(of_table) for table, of_table in parts.items()},
        fingerprint=fingerprint,
        code_version=f"{__version__}+{code_digest()[:12]}",
        created_at=datetime.now(UTC).isoformat(timespec="microseconds"),
        rows=forecasts.height,
        series=forecasts.select(pl.struct(SERIES).n_unique()).item(),
        levels=tuple(levels["level"].unique().sort()),
    )
    return publish_vintage(lake, vintage, forecasts, features, bundle_dir, levels)


def last_sales(lake: Lake) -> date:
    """The last period with published sales. Raises NotFoundError when there is none."""
    partitions = lake.table("sales").manifest().parts
    if not partitions:
        raise NotFoundError("The table of sales", fix="Deliver sales and run the `sales` asset.")
    return date.fromisoformat(max(partitions))


def _forecast(
    lake: Lake,
    dataset: Dataset,
    bundle: Bundle,
    cutoff: date,
    workers: int,
    on_progress: Callable[[int, int], None] | None,
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """(forecasts, the feature rows behind them, forecasts of the levels above), sorted by series or group and date."""
    releases = read_releases(lake, cutoff=cutoff, keep=True)
    new = read_new_series(lake, dataset, releases, cutoff=cutoff)
    known = add_new_releases(releases, new, cutoff=cutoff)
    make = _forecast_here if _cells(dataset, releases) <= _SMALL_CELLS else _forecast_shards
    with ThreadPoolExecutor(1) as beside:
        groups = beside.submit(forecast_groups, lake, bundle, releases, cutoff=cutoff)
        features, means = make(lake, dataset, bundle, known, new, cutoff, workers, on_progress)
    features = features.with_columns(alignment=bundle.alignment(features, means, groups.result()))
    means = means.with_columns(pl.col("mean") * features["alignment"]).sort(*SERIES, "date")
    forecasts, levels = add_levels(lake, dataset, bundle, means, cutoff=cutoff)
    forecasts = add_basis(forecasts, releases, dataset, cutoff=cutoff)
    valid = validate_table(forecast_schema(dataset), forecasts, table="forecasts")
    return valid, features.sort(*SERIES, "date"), levels


def _forecast_here(
    lake: Lake,
    dataset: Dataset,
    bundle: Bundle,
    releases: pl.DataFrame,
    new: pl.DataFrame,
    cutoff: date,
    workers: int,
    on_progress: Callable[[int, int], None] | None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(features, means) of few series: history is read once, and means are made pool by pool on threads."""
    features = as_new(forecast_features(lake, dataset, cutoff=cutoff, releases=releases), new, bundle.spec)
    pools = _pools(bundle, releases["store_id"].unique())
    shards = [PoolRows(pool, features.filter(pl.col("store_id").is_in(stores))) for pool, stores in pools.items()]
    predict = partial(_means, bundle, dataset, cutoff)
    means = map_shards(predict, shards, workers=workers, small=True, on_done=counted(shards, on_progress))
    return pl.concat([shard.features.drop("units_sold") for shard in shards]), pl.concat(means)


def _forecast_shards(
    lake: Lake,
    dataset: Dataset,
    bundle: Bundle,
    releases: pl.DataFrame,
    new: pl.DataFrame,
    cutoff: date,
    workers: int,
    on_progress: Callable[[int, int], None] | None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(features, means) of any number of series: each pool by itself, wherever shards run."""
    with tempfile.TemporaryDirectory(prefix="rf-forecasts-") as folder:
        releases.write_parquet(Path(folder) / "releases.parquet")
        new.write_parquet(Path(folder) / "new_series.parquet")
        shards = [
            ForecastShard(pool, stores, lake, dataset, cutoff, bundle.path, Path(folder))
            for pool, stores in _pools(bundle, releases["store_id"].unique()).items()
        ]
        done = counted(shards, on_progress)
        map_shards(_forecast_shard, shards, workers=workers, memory_gb=_SHARD_GB, on_done=done)
        features = pl.concat([pl.read_parquet(shard.features) for shard in shards])
        return features, pl.concat([pl.read_parquet(shard.forecasts) for shard in shards])


def _cells(dataset: Dataset, releases: pl.DataFrame) -> int:
    spec = feature_spec(dataset)
    return releases.height * (spec.warm_up + spec.horizon)


def _pools(bundle: Bundle, stores: pl.Series) -> dict[str, tuple[str, ...]]:
    """Stores with sales, by the pool that forecasts them; stores that no pool knows are one more shard."""
    active = set(stores)
    pools = {pool: tuple(sorted(active & set(known))) for pool, known in bundle.pools.items()}
    pooled = {store for known in pools.values() for store in known}
    pools["new-stores"] = tuple(sorted(active - pooled))
    return {pool: members for pool, members in pools.items() if members}


def _forecast_shard(shard: ForecastShard) -> int:
    releases = pl.read_parquet(shard.folder / "releases.parquet")
    new = pl.read_parquet(shard.folder / "new_series.parquet")
    features = forecast_features(shard.lake, shard.dataset, cutoff=shard.cutoff, stores=shard.stores, releases=releases)
    bundle = Bundle.load(shard.bundle)
    rows = PoolRows(shard.name, as_new(features, new, bundle.spec))
    _means(bundle, shard.dataset, shard.cutoff, rows).write_parquet(shard.forecasts)
    rows.features.drop("units_sold").write_parquet(shard.features)
    return rows.features.height


def _means(bundle: Bundle, dataset: Dataset, cutoff: date, rows: PoolRows) -> pl.DataFrame:
    lead = (pl.col("date") - pl.lit(cutoff)).dt.total_days() // dataset.period_days
    return bundle.predict(rows.features).with_columns(lead=lead.cast(pl.Int16))


def _parts_until(lake: Lake, dataset: Dataset, cutoff: date) -> dict[str, list[Part]]:
    """The parts that a forecast may look at: sales up to the cutoff, and the other tables with all they know."""
    tables = {name: sorted(lake.table(name).manifest().parts.items()) for name in dataset.tables}
    last = cutoff.isoformat()
    return {name: [part for key, part in parts if name != "sales" or key <= last] for name, parts in tables.items()}


def _inputs(parts: Sequence[Part]) -> list[dict[str, Any]]:
    return [{"partition": part.partition, **asdict(one)} for part in parts for one in part.inputs]


def _fingerprint(
    bundle: Bundle, model_version: str, dataset: Dataset, cutoff: date, parts: Mapping[str, Sequence[Part]]
) -> str:
    contents = [f"{name}:{part.partition}:{part.sha256}" for name, of_table in parts.items() for part in of_table]
    return digest_of(
        [_CONTENT, model_version, bundle.digest, str(cutoff), dataset.hash, __version__, code_digest(), *contents]
    )
