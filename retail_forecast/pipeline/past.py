"""What a vintage keeps of the time before its cutoff: sales of every series and group, and covariates known ahead.

units_sold  one row per group of each level, the series among them: what sold in the periods up to the cutoff
covariates  per table, its rows that hold in these periods
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retail_forecast.dataset import SERIES, Dataset
from retail_forecast.evaluation.hierarchy import Level, level_sums
from retail_forecast.evaluation.panel import build_panel
from retail_forecast.features import CovariateTable, FeatureSpec
from retail_forecast.lake.tables import Lake

_SALES = {"store_id": pl.String, "item_id": pl.String, "date": pl.Date, "units_sold": pl.Float32}


def past_periods(frequency: Literal["1d", "1w"]) -> int:
    """How many periods are kept: 53 weeks of days, two years of weeks, so that a season stands beside the last one."""
    return 371 if frequency == "1d" else 104


@dataclass(frozen=True)
class Past:
    """Sales [N, P] of N series in the P periods up to the cutoff.

    units: zero where nothing is known; known [N, P]: false before a series' first sale and where sales are missing.
    delivered [P]: whether any sales of a period are there.
    """

    units: NDArray[np.float32]
    known: NDArray[np.bool_]
    delivered: NDArray[np.bool_]

    def recent(self, periods: int) -> NDArray[np.intp]:
        """The places of the delivered among the last periods."""
        return np.flatnonzero(self.delivered & (np.arange(len(self.delivered)) >= len(self.delivered) - periods))


def read_past(lake: Lake, dataset: Dataset, series: pl.DataFrame, releases: pl.DataFrame, *, cutoff: date) -> Past:
    """The past of `series`, one row of which is one (store_id, item_id).

    releases: store_id, item_id, `release`; the first period of which anything is known.
    """
    dates = periods_until(cutoff, past_periods(dataset.frequency), dataset.period_days)
    sales = lake.table("sales").scan(since=dates[0].item(), until=cutoff)
    absent = 0.0 if dataset.policy.missing_periods == "zero" else np.nan
    scan = pl.LazyFrame(schema=_SALES) if sales is None else sales
    panel = build_panel(scan, series, last=cutoff, absent=absent)
    at = np.searchsorted(dates, panel.dates)
    units = np.full((series.height, len(dates)), np.nan, dtype=np.float32)
    units[:, at] = panel.units
    released = series.join(releases, on=list(SERIES), how="left", maintain_order="left")["release"].to_numpy()
    known = np.isfinite(units) & (released[:, None] <= dates)  # NaT, never sold, is never before
    return Past(np.nan_to_num(units, copy=False), known, np.isin(np.arange(len(dates)), at))


def periods_until(cutoff: date, count: int, period_days: int) -> NDArray[np.datetime64]:
    """The first days of the last `count` periods, the cutoff's at the end."""
    return np.datetime64(cutoff, "D") - np.arange(count - 1, -1, -1) * period_days


def past_table(past: Past, levels: Sequence[Level], sums: Mapping[str, NDArray[np.floating]]) -> pl.DataFrame:
    """One row per level and group: level, group, units_sold (a value per period, null where none is known).

    sums: level to what its groups sold, [G, P].
    """
    known = level_sums(levels, past.known, add=np.logical_or)
    in_order = sorted(levels, key=lambda level: level.name)
    return pl.concat([_rows(level, sums[level.name], known[level.name]) for level in in_order])


def _rows(level: Level, units: NDArray[np.floating], known: NDArray[np.bool_]) -> pl.DataFrame:
    values = np.where(known, units, np.nan).astype(np.float32, copy=False)
    lists = pl.Series("units_sold", values.ravel(), nan_to_null=True).reshape((-1, values.shape[1])).arr.to_list()
    return pl.DataFrame(
        [pl.repeat(level.name, len(lists), dtype=pl.String, eager=True).alias("level"), level.groups, lists]
    )


def read_past_covariates(lake: Lake, spec: FeatureSpec, *, cutoff: date) -> dict[str, pl.DataFrame]:
    """Table to its keys and known-future values that hold in the periods up to the cutoff, sorted by its keys."""
    first = periods_until(cutoff, past_periods(spec.frequency), spec.period_days)[0].item()
    scans = {table.name: (table, lake.table(table.name).scan()) for table in spec.covariates if table.known_future}
    return {name: _held(table, rows, first, cutoff) for name, (table, rows) in scans.items() if rows is not None}


def _held(table: CovariateTable, rows: pl.LazyFrame, first: date, cutoff: date) -> pl.DataFrame:
    """Rows of the window; of those that are carried forward also the last one before it."""
    rows = rows.select(*table.keys, *table.known_future).filter(pl.col("date") <= cutoff).sort(table.keys)
    within = rows.filter(pl.col("date") >= first)
    if table.carry_forward:
        others = [key for key in table.keys if key != "date"]
        earlier = rows.filter(pl.col("date") < first)
        last = earlier.group_by(others).last() if others else earlier.tail(1)
        within = pl.concat([last.select(rows.collect_schema().names()), within]).sort(table.keys)
    return within.collect()
