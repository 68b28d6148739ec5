"""From the champion's bundle and the lake's tables to a vintage of forecasts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from retail_forecast import __version__
from retail_forecast.dataset import SERIES, Dataset
from retail_forecast.errors import NotFoundError
from retail_forecast.lake.tables import Lake, Part, digest_of
from retail_forecast.lake.vintage_history import History
from retail_forecast.lake.vintages import Vintage, find_vintage, publish_vintage, put_in_force, vintage_id
from retail_forecast.models import Bundle
from retail_forecast.pipeline.cold_start import add_basis, add_new_releases, read_new_series
from retail_forecast.pipeline.features import code_digest, read_releases
from retail_forecast.pipeline.forecast_rows import Asked, forecast_rows, pools_of
from retail_forecast.pipeline.groups import forecast_groups
from retail_forecast.pipeline.level_forecasts import add_levels
from retail_forecast.pipeline.past import past_periods, read_past_covariates
from retail_forecast.schemas import forecast_schema, validate_table

_CONTENT = "series, levels, basis, history"  # what a vintage holds; another content is another vintage


@dataclass(frozen=True)
class _Content:
    """What a vintage holds beside the model, sorted by series or group and date."""

    forecasts: pl.DataFrame
    features: pl.DataFrame
    levels: pl.DataFrame
    history: History


def publish_forecasts(
    lake: Lake,
    dataset: Dataset,
    *,
    bundle_dir: Path,
    model_version: str,
    model: Mapping[str, Any],
    workers: int,
    cutoff: date | None = None,
    in_force: bool = True,
    on_progress: Callable[[int, int], None] | None = None,
) -> Vintage:
    """Forecasts every active series for the horizon after `cutoff` (default: the last sales) and publishes them.

    Equal inputs, model and code give the vintage that is there already; nothing is computed. in_force: readers get it
    from now on; otherwise it is there to be tried.
    Raises SchemaError if a forecast breaks its schema; nothing is published then.
    """
    bundle = Bundle.load(bundle_dir)
    cutoff = cutoff or last_sales(lake)
    parts = _parts_until(lake, dataset, cutoff)
    fingerprint = _fingerprint(bundle, model_version, dataset, cutoff, parts)
    name = vintage_id(cutoff, fingerprint)
    if (published := find_vintage(lake, name)) is not None:
        if in_force:
            put_in_force(lake, name)
        return published
    made = _forecast(lake, dataset, bundle, cutoff, workers, on_progress)
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
        rows=made.forecasts.height,
        series=made.forecasts.select(pl.struct(SERIES).n_unique()).item(),
        levels=tuple(made.levels["level"].unique().sort()),
        history=past_periods(dataset.frequency),
    )
    return publish_vintage(
        lake, vintage, made.forecasts, made.features, bundle_dir, made.levels, made.history, in_force=in_force
    )


def last_sales(lake: Lake) -> date:
    """The last period with published sales. Raises NotFoundError when there is none."""
    partitions = lake.table("sales").manifest().parts
    if not partitions:
        raise NotFoundError(
            "The table of sales", fix="Deliver sales and run `retail-forecast run`, or materialize `sales`."
        )
    return date.fromisoformat(max(partitions))


def _forecast(
    lake: Lake,
    dataset: Dataset,
    bundle: Bundle,
    cutoff: date,
    workers: int,
    on_progress: Callable[[int, int], None] | None,
) -> _Content:
    """The content of the vintage. Raises SchemaError."""
    releases = read_releases(lake, cutoff=cutoff, keep=True)
    new = read_new_series(lake, dataset, releases, cutoff=cutoff)
    known = add_new_releases(releases, new, cutoff=cutoff)
    pools = pools_of(bundle, releases["store_id"].unique())
    asked = Asked(lake, dataset, bundle, cutoff, known, new, pools)
    with ThreadPoolExecutor(1) as beside:
        groups = beside.submit(forecast_groups, lake, bundle, releases, cutoff=cutoff)
        features, means = forecast_rows(asked, workers=workers, on_progress=on_progress)
    features = features.with_columns(alignment=bundle.alignment(features, means, groups.result()))
    means = means.with_columns(pl.col("mean") * features["alignment"]).sort(*SERIES, "date")
    forecasts, levels, past = add_levels(lake, dataset, bundle, means, releases, cutoff=cutoff)
    forecasts = add_basis(forecasts, releases, dataset, cutoff=cutoff)
    valid = validate_table(forecast_schema(dataset), forecasts, table="forecasts")
    covariates = read_past_covariates(lake, bundle.spec, cutoff=cutoff)
    return _Content(valid, features.sort(*SERIES, "date"), levels, History(past, covariates))


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
