"""Checks of the sales table. The blocking ones keep what is downstream on what it had."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import pairwise
from statistics import median
from typing import Any

import dagster as dg
import polars as pl

from retail_forecast.dataset import Dataset
from retail_forecast.lake import Lake, Part
from retail_forecast.orchestration.partitions import contiguous_ranges
from retail_forecast.orchestration.resources import Platform

RECENT = 28
"""Periods that say what is usual."""

USUAL_PRESENCE = 0.9
"""A store is expected when it reported in this share of the recent periods."""

ABSURD_RATIO = 20
"""A period that sold so many times the usual is an error of the source."""

_NAMED = 10


def build_sales_checks(dataset: Dataset) -> list[dg.AssetChecksDefinition]:
    """The checks that the dataset asks for."""
    priced = [name for name, table in dataset.covariates() if table.carry_forward and "item_id" in table.keys]
    optional = [_covers(name) for name in priced]
    if dataset.freshness_periods is not None:
        optional.append(sales_are_fresh)
    return [
        sales_are_complete,
        sales_have_no_duplicates,
        sales_are_not_negative_or_absurd,
        expected_stores_are_all_there,
        *optional,
    ]


@dg.asset_check(asset="sales", description="The last period of sales is recent enough for this dataset.")
def sales_are_fresh(platform: dg.ResourceParam[Platform]) -> dg.AssetCheckResult:
    return evaluate_freshness(_parts(platform), platform.dataset, today=datetime.now(UTC).date())


@dg.asset_check(asset="sales", description="No period is missing in between, and none has far fewer rows than usual.")
def sales_are_complete(platform: dg.ResourceParam[Platform]) -> dg.AssetCheckResult:
    return evaluate_completeness(_parts(platform), platform.dataset.period_days)


@dg.asset_check(asset="sales", blocking=True, description="A series has one row per period (the recent ones are read).")
def sales_have_no_duplicates(platform: dg.ResourceParam[Platform]) -> dg.AssetCheckResult:
    return evaluate_duplicates(platform.lake, _parts(platform))


@dg.asset_check(asset="sales", blocking=True, description="Units are within the policy and no period is out of scale.")
def sales_are_not_negative_or_absurd(platform: dg.ResourceParam[Platform]) -> dg.AssetCheckResult:
    return evaluate_scale(_parts(platform), platform.dataset)


@dg.asset_check(asset="sales", blocking=True, description="Every store that usually reports is in the last period.")
def expected_stores_are_all_there(platform: dg.ResourceParam[Platform]) -> dg.AssetCheckResult:
    return evaluate_stores(_parts(platform))


def sales_are_sound(platform: Platform) -> bool:
    """Whether the table as it is now would pass its blocking checks."""
    parts = _parts(platform)
    results = (
        evaluate_duplicates(platform.lake, parts),
        evaluate_scale(parts, platform.dataset),
        evaluate_stores(parts),
    )
    return all(result.passed for result in results)


def _covers(table: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset="sales", name=f"{table}_cover_sales", description=f"Each series that sold last has a row in {table}."
    )
    def covers(platform: dg.ResourceParam[Platform]) -> dg.AssetCheckResult:
        return evaluate_cover(platform.lake, platform.dataset, table)

    return covers


def evaluate_freshness(parts: Sequence[Part], dataset: Dataset, *, today: date) -> dg.AssetCheckResult:
    """Against the latest date in the data: when a partition was published says nothing of its age."""
    limit = dataset.freshness_periods or 0
    if not parts:
        return _result([f"There are no sales yet; expected some of the last {limit} periods."], warn=True)
    last = date.fromisoformat(parts[-1].partition)
    age = (today - last).days // dataset.period_days
    problems = (
        [f"The last sales are of {last}, {age} periods ago; at most {limit} are expected."] if age > limit else []
    )
    return _result(problems, warn=True, last=str(last), age_periods=age)


def evaluate_completeness(parts: Sequence[Part], period_days: int) -> dg.AssetCheckResult:
    """Gaps between the first and the last period, and recent periods with less than half of the usual rows."""
    ranges = contiguous_ranges((part.partition for part in parts), period_days)
    gaps = [f"Nothing between {a[1]} and {b[0]}." for a, b in pairwise(ranges)]
    recent = parts[-RECENT:]
    usual = median(part.rows for part in recent) if recent else 0
    thin = [
        f"{part.partition} has {part.rows} rows; {usual:.0f} are usual." for part in recent if part.rows < usual / 2
    ]
    return _result(gaps + thin, warn=True, periods=len(parts), usual_rows=float(usual))


def evaluate_duplicates(lake: Lake, parts: Sequence[Part]) -> dg.AssetCheckResult:
    """Reads the keys of the recent periods."""
    recent = [lake.store.url_of(part.path) for part in parts[-RECENT:]]
    if not recent:
        return _result([])
    keys = ["store_id", "item_id", "date"]
    counts = pl.scan_parquet(recent).group_by(keys).len().filter(pl.col("len") > 1).sort(keys).head(_NAMED).collect()
    return _result(
        [f"{row['store_id']}, {row['item_id']}: {row['len']} rows on {row['date']}." for row in counts.to_dicts()]
    )


def evaluate_scale(parts: Sequence[Part], dataset: Dataset) -> dg.AssetCheckResult:
    """Smallest, largest and total units of each period, as the manifest tells them."""
    least = float("-inf") if dataset.policy.negative_units == "keep" else 0.0
    known = [part for part in parts if "units_sold_total" in part.stats]
    problems = []
    for number, part in enumerate(known):
        low, high, total = (float(part.stats[f"units_sold_{name}"]) for name in ("min", "max", "total"))
        if low < least or high > dataset.policy.max_units_sold:
            problems.append(f"{part.partition} has units from {low:g} to {high:g}.")
        before = [float(one.stats["units_sold_total"]) for one in known[max(0, number - RECENT) : number]]
        if len(before) >= 7 and total > ABSURD_RATIO * max(median(before), 1.0):
            problems.append(f"{part.partition} sold {total:,.0f} units; {median(before):,.0f} are usual.")
    return _result(problems)


def evaluate_stores(parts: Sequence[Part]) -> dg.AssetCheckResult:
    """Stores of the recent periods against those of the last one."""
    recent, last = parts[-RECENT - 1 : -1], parts[-1:]
    stores = sorted({store for part in recent for store in _stores(part)})
    expected = [s for s in stores if sum(s in _stores(part) for part in recent) >= USUAL_PRESENCE * len(recent)]
    absent = [s for s in expected if s not in _stores(last[0])]
    problems = [f"Store {s} is missing on {last[0].partition}; deliver it, or correct that file." for s in absent]
    return _result(problems, expected=len(expected))


def evaluate_cover(lake: Lake, dataset: Dataset, table: str) -> dg.AssetCheckResult:
    """Series of the last period of sales without a row that was valid then."""
    parts = sorted_parts(lake)
    rows = lake.table(table).scan()
    if not parts or rows is None:
        return _result([] if not parts else [f"The table {table} is empty."], warn=True)
    keys = [key for key in dataset.table(table).keys if key != "date"]
    last = date.fromisoformat(parts[-1].partition)
    sold = lake.store.scan_parquet([parts[-1].path]).filter(pl.col("units_sold") > 0).select("store_id", "item_id")
    valid = rows.filter(pl.col("date") <= last).select(keys).unique()
    bare = sold.join(valid, on=keys, how="anti").collect()
    named = [
        f"{store}, {item} sold on {last} without a row in {table}." for store, item in bare.head(_NAMED).iter_rows()
    ]
    return _result(named, warn=True, series_without=bare.height)


def sorted_parts(lake: Lake) -> list[Part]:
    """The partitions of sales in the order of time."""
    return [part for _, part in sorted(lake.table("sales").manifest().parts.items())]


def _parts(platform: Platform) -> list[Part]:
    return sorted_parts(platform.lake)


def _stores(part: Part) -> Mapping[str, int]:
    stores: Mapping[str, int] = part.stats.get("rows_by_store", {})
    return stores


def _result(problems: list[str], *, warn: bool = False, **numbers: Any) -> dg.AssetCheckResult:
    shown = problems[:_NAMED] + ([f"… and {len(problems) - _NAMED} more"] if len(problems) > _NAMED else [])
    return dg.AssetCheckResult(
        passed=not problems,
        severity=dg.AssetCheckSeverity.WARN if warn else dg.AssetCheckSeverity.ERROR,
        metadata={"problems": dg.MetadataValue.md("\n\n".join(shown) or "none"), **numbers},
    )
