"""What came of the forecasts: published vintages against the sales that arrived since, and drift of the sales."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from retail_forecast.dataset import SERIES, Dataset
from retail_forecast.errors import NotFoundError
from retail_forecast.evaluation import build_yardsticks, score_against
from retail_forecast.evaluation.drift import stability_index
from retail_forecast.evaluation.weights import PRICE
from retail_forecast.lake.tables import WHOLE, Lake, NewPart
from retail_forecast.lake.vintages import Vintage, list_vintages, scan_forecasts
from retail_forecast.pipeline.level_accuracy import score_quantiles
from retail_forecast.pipeline.series_accuracy import SERIES_ACCURACY, compute_series_accuracy

ACCURACY, DRIFT = "forecast_accuracy", "drift"
_JUDGED = 4
_VINTAGE_COLUMNS = {"vintage": pl.String, "model_version": pl.String, "cutoff": pl.Date, "periods": pl.Int32}
_PREDICTION = (*SERIES, "model", "cutoff", "date", "mean", "units_sold")
_SCORE_COLUMNS = {"level": pl.String, "metric": pl.String, "value": pl.Float64}


@dataclass(frozen=True)
class ScoringInputs:
    """What a score needs beside forecasts and sales: the hierarchy's attributes and levels, and prices if any."""

    attributes: Mapping[str, pl.LazyFrame]
    prices: pl.LazyFrame | None
    levels: tuple[tuple[str, ...], ...]


def scoring_inputs(lake: Lake, dataset: Dataset) -> ScoringInputs:
    """The inputs as the lake holds them. The price is the value called sell_price, in whichever table has it."""
    attributes = {name: rows for name, _ in dataset.attributes() if (rows := lake.table(name).scan()) is not None}
    columns = {*SERIES, *(name for rows in attributes.values() for name in rows.collect_schema().names())}
    levels = tuple(level for level in dataset.resolved_levels if columns.issuperset(level))
    prices = None
    for name, table in (*dataset.covariates(), *dataset.attributes()):
        if PRICE in table.values and (rows := lake.table(name).scan()) is not None:
            prices = rows.select(*table.keys, PRICE).drop_nulls()
    return ScoringInputs(attributes, prices, levels)


def forecast_accuracy(lake: Lake, dataset: Dataset) -> pl.DataFrame:
    """One row per judged vintage, level and metric, with the `periods` that are known by now; published as a table.

    Beside it `series_accuracy` is published.
    """
    chosen, known = judged_vintages(lake, dataset), _known_periods(lake)
    predictions = [_against_sales(lake, dataset, vintage, known) for vintage in chosen]
    means = pl.concat(rows.select(*_PREDICTION) for rows in predictions) if chosen else None
    lake.table(SERIES_ACCURACY).publish({WHOLE: NewPart(compute_series_accuracy(means))})
    frame = (
        _scores(lake, dataset, chosen, known, predictions)
        if chosen
        else pl.DataFrame(schema=_VINTAGE_COLUMNS | _SCORE_COLUMNS)
    )
    lake.table(ACCURACY).publish({WHOLE: NewPart(frame)})
    return frame


def judged_vintages(lake: Lake, dataset: Dataset) -> list[Vintage]:
    """The vintages whose accuracy counts, by rising cutoff.

    Of each cutoff the last vintage counts, and of the cutoffs the latest four of which at least a quarter of the
    horizon is known (what one or two days say is chance).
    """
    return _judgeable(list_vintages(lake), _known_periods(lake), dataset)[-_JUDGED:]


def recent_error(lake: Lake, *, since: date | None = None) -> float | None:
    """The mean WRMSSE of the scored vintages with a cutoff at or after `since`; None when there is none."""
    scores = lake.table(ACCURACY).scan()
    if scores is None:
        return None
    wanted = scores.filter(level="all", metric="wrmsse").filter(pl.col("value").is_finite())
    if since is not None:
        wanted = wanted.filter(pl.col("cutoff") >= since)
    mean: float | None = wanted.select(pl.col("value").mean()).collect().item()
    return mean


def compute_drift(lake: Lake, dataset: Dataset, *, window_start: date, training_cutoff: date) -> pl.DataFrame:
    """One row per store, and one for all ("all"): `psi`, `units_trained`, `units_recent` (means per series, period).

    Compares the last horizon of sales with the champion's training window; published as a table. A PSI below 0.1
    is calm, above 0.25 the sales are not those that the model learned from.
    """
    last = max(lake.table("sales").manifest().parts, default=training_cutoff.isoformat())
    recent_from = date.fromisoformat(last) - timedelta(days=(dataset.horizon - 1) * dataset.period_days)
    trained = _sales(lake, since=window_start, until=training_cutoff)
    frame = stability_index(trained, _sales(lake, since=recent_from))
    lake.table(DRIFT).publish({WHOLE: NewPart(frame)})
    return frame


def _known_periods(lake: Lake) -> list[date]:
    return sorted(date.fromisoformat(day) for day in lake.table("sales").manifest().parts)


def _judgeable(vintages: Sequence[Vintage], known: Sequence[date], dataset: Dataset) -> list[Vintage]:
    """The last vintage of each cutoff with enough known periods, by rising cutoff."""
    last_of = {vintage.cutoff: vintage for vintage in vintages if vintage.horizon == dataset.horizon}
    least = max(1, dataset.horizon // 4)
    return [last_of[cutoff] for cutoff in sorted(last_of) if len(_arrived(last_of[cutoff], known, dataset)) >= least]


def _arrived(vintage: Vintage, known: Sequence[date], dataset: Dataset) -> list[date]:
    cutoff = date.fromisoformat(vintage.cutoff)
    end = cutoff + timedelta(days=vintage.horizon * dataset.period_days)
    return [day for day in known if cutoff < day <= end]


def _scores(
    lake: Lake, dataset: Dataset, chosen: Sequence[Vintage], known: Sequence[date], predictions: Sequence[pl.DataFrame]
) -> pl.DataFrame:
    means = pl.concat(rows.select(*_PREDICTION) for rows in predictions)
    series = means.select(SERIES).unique().sort(SERIES)
    history, inputs = _sales(lake, until=date.fromisoformat(chosen[-1].cutoff)), scoring_inputs(lake, dataset)
    horizons = {date.fromisoformat(vintage.cutoff): dataset.horizon for vintage in chosen}
    yardsticks = build_yardsticks(series, history, inputs.attributes, inputs.prices, inputs.levels, horizons)
    of_quantiles = [
        score_quantiles(lake, vintage, rows, series, yardsticks[date.fromisoformat(vintage.cutoff)])
        for vintage, rows in zip(chosen, predictions, strict=True)
    ]
    scores = pl.concat([score_against(means, yardsticks), *of_quantiles])
    described = pl.DataFrame(
        [(v.id, v.model_version, date.fromisoformat(v.cutoff), len(_arrived(v, known, dataset))) for v in chosen],
        schema=_VINTAGE_COLUMNS,
        orient="row",
    )
    joined = described.join(scores.rename({"model": "vintage"}), on=["vintage", "cutoff"], maintain_order="left_right")
    return joined.select(*_VINTAGE_COLUMNS, *_SCORE_COLUMNS)


def _against_sales(lake: Lake, dataset: Dataset, vintage: Vintage, known: Sequence[date]) -> pl.DataFrame:
    """One row per series and known period of a vintage: what was forecast and what was sold."""
    days = _arrived(vintage, known, dataset)
    sold = _sales(lake, since=days[0], until=days[-1])
    keys = [*SERIES, "date"]
    forecasts = scan_forecasts(lake, vintage.id).filter(pl.col("date").is_in(days))
    frame = forecasts.join(sold.select(*keys, "units_sold"), on=keys, how="left").collect()
    if dataset.policy.missing_periods == "zero":
        frame = frame.with_columns(pl.col("units_sold").fill_null(0.0))
    return frame.with_columns(model=pl.lit(vintage.id), cutoff=pl.lit(date.fromisoformat(vintage.cutoff)))


def _sales(lake: Lake, *, since: date | None = None, until: date | None = None) -> pl.LazyFrame:
    sales = lake.table("sales").scan(since=since, until=until)
    if sales is None:
        raise NotFoundError(f"Sales from {since} to {until}", fix="Deliver them and run the `sales` asset.")
    return sales
