"""A vintage's quantiles of every level against the sales that came since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl

from retail_forecast.dataset import SERIES
from retail_forecast.evaluation import ALL_LEVELS, SCORE_COLUMNS, quantile_scores
from retail_forecast.evaluation.hierarchy import Level, group_names, level_sums
from retail_forecast.evaluation.panel import numbered
from retail_forecast.evaluation.yardsticks import Yardstick
from retail_forecast.lake.tables import Lake
from retail_forecast.lake.vintages import Vintage, scan_all_level_forecasts
from retail_forecast.models.bundle import SERIES_LEVEL
from retail_forecast.pipeline.level_intervals import Floats


def score_quantiles(
    lake: Lake, vintage: Vintage, rows: pl.DataFrame, series: pl.DataFrame, yardsticks: Sequence[Yardstick]
) -> pl.DataFrame:
    """One row per level and metric of a vintage, as in a score table: `wspl`, `pinball`, `wql`, `coverage_…`.

    rows: store_id, item_id, date, units_sold (null where it is not known) and q<quantile> of each series and period
    that is over. series: those that the levels of the yardsticks are over, with the vintage's among them. A group
    counts in the periods in which the sales of all its forecast series are known.
    """
    dates = rows.select(pl.col("date").unique().sort()).with_row_index("period")
    columns = [f"q{quantile:g}" for quantile in vintage.quantiles]
    of_levels = _forecasts(lake, vintage, rows, dates)
    judged = [one for one in yardsticks if one.level.name in of_levels]
    forecasts = {one.level.name: _placed(of_levels[one.level.name], one.level, dates, columns) for one in judged}
    sold = _sold(rows.join(dates, on="date"), series, [one.level for one in judged], dates.height)
    actual = {name: np.where(np.isfinite(made).all(axis=2), sold[name], np.nan) for name, made in forecasts.items()}
    scored = quantile_scores(actual, forecasts, vintage.quantiles, judged)
    complete = len(judged) == len(yardsticks)
    kept = [score for score in scored if complete or score[0] != ALL_LEVELS]
    of_vintage = (vintage.id, date.fromisoformat(vintage.cutoff))
    return pl.DataFrame([(*of_vintage, *score) for score in kept], schema=SCORE_COLUMNS, orient="row")


def _forecasts(lake: Lake, vintage: Vintage, rows: pl.DataFrame, dates: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Level to one row per group and period that is over: `group`, `date` and the quantiles."""
    above = scan_all_level_forecasts(lake, vintage)
    tables = above.join(dates.lazy(), on="date", how="semi").collect() if above is not None else None
    by_level = tables.partition_by("level", as_dict=True) if tables is not None else {}
    own = rows.with_columns(group=group_names(rows, SERIES))
    return {str(level): table for (level,), table in by_level.items()} | {SERIES_LEVEL: own}


def _placed(forecasts: pl.DataFrame, level: Level, dates: pl.DataFrame, columns: Sequence[str]) -> Floats:
    """[G, H, Q]: the quantiles of the level's groups; NaN where there are none."""
    groups = pl.DataFrame({"group": level.groups}).with_row_index("place")
    placed = forecasts.join(groups, on="group").join(dates, on="date")
    made = np.full((groups.height, dates.height, len(columns)), np.nan)
    made[placed["place"].to_numpy(), placed["period"].to_numpy()] = placed.select(columns).to_numpy()
    return made


def _sold(rows: pl.DataFrame, series: pl.DataFrame, levels: Sequence[Level], periods: int) -> Mapping[str, Floats]:
    """Level to [G, H]: what its groups sold; NaN where a series is forecast whose sales are not known."""
    placed = rows.join(numbered(series), on=list(SERIES))
    at = placed["row"].to_numpy(), placed["period"].to_numpy()
    units, unknown, forecast = np.zeros((3, series.height, periods))
    units[at], unknown[at] = placed["units_sold"].fill_null(0.0).to_numpy(), placed["units_sold"].is_null().to_numpy()
    forecast[at] = 1.0
    sums, gaps, there = (level_sums(levels, matrix) for matrix in (units, unknown, forecast))
    return {name: np.where((gaps[name] == 0) & (there[name] > 0), of_level, np.nan) for name, of_level in sums.items()}
