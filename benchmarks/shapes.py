"""Retail sets of other shapes than the data they are made of: few series and many, daily and weekly, promotions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

import polars as pl

from benchmarks.data import last_day, read_sales, read_table
from retail_forecast.features import AttributeTable, CovariateTable, FeatureSpec

SERIES = ["store_id", "item_id"]
PROMOTION_LIFT = 1.4
PROMOTIONS = CovariateTable("promotions", ("store_id", "date"), {"promotion": "boolean", "open": "boolean"})


@dataclass(frozen=True)
class Shape:
    """sales: store_id, item_id, date, units_sold, one row per series and period. plan: PROMOTIONS, also ahead.

    items: one row per item with its attribute.
    """

    sales: pl.DataFrame
    frequency: Literal["1d", "1w"]
    horizon: int
    plan: pl.LazyFrame | None = None
    items: pl.LazyFrame | None = None

    @property
    def spec(self) -> FeatureSpec:
        """What is known of the shape's series."""
        items = self.attributes.get("items")
        names = () if items is None else [name for name in items.collect_schema().names() if name != "item_id"]
        tables = (AttributeTable("items", ("item_id",), dict.fromkeys(names, "category")),) if names else ()
        covariates = (PROMOTIONS,) if self.covariates else ()
        return FeatureSpec(self.frequency, self.horizon, covariates=covariates, attribute_tables=tables)

    @property
    def attributes(self) -> dict[str, pl.LazyFrame]:
        """What is known of items, by table."""
        return {} if self.items is None else {"items": self.items}

    @property
    def covariates(self) -> dict[str, pl.LazyFrame]:
        """What is known ahead, by table."""
        return {} if self.plan is None else {PROMOTIONS.name: self.plan}

    @property
    def period_days(self) -> int:
        return 7 if self.frequency == "1w" else 1

    def cutoffs(self, count: int) -> list[date]:
        """The last rolling cutoffs whose whole horizon is known, the latest first."""
        last = self.sales.select(pl.col("date").max()).item()
        return [last - timedelta(days=self.period_days * self.horizon * back) for back in range(1, count + 1)]


def build_shapes(folder: Path) -> dict[str, Shape]:
    """The shapes by what they are, from a workplace with an attribute `department` or `category` of items."""
    items = read_table(folder, "items")
    group = "department" if "department" in items.collect_schema().names() else "category"
    sales = read_sales(folder)
    groups = _summed(sales.join(items.select("item_id", group), on="item_id").with_columns(item_id=pl.col(group)))
    stores = _summed(groups.lazy().with_columns(item_id=pl.lit("all")))
    chosen = items.select(pl.col("item_id").sort()).collect()["item_id"].gather_every(20)
    sample = sales.filter(pl.col("item_id").is_in(chosen.implode())).sort(*SERIES, "date").collect()
    named, until = items.select("item_id", group), last_day(folder)
    promoted, plan = _promoted(groups, until)
    return {
        f"weekly, store by {group}, horizon 8": Shape(_weekly(groups, until), "1w", 8),
        "weekly, every 20th item, horizon 13": Shape(_weekly(sample, until), "1w", 13, items=named),
        "daily, stores, horizon 48": Shape(stores, "1d", 48),
        f"daily, store by {group} with made-up promotions and closed Sundays, horizon 48": Shape(
            promoted, "1d", 48, plan.lazy()
        ),
        "daily, every 20th item, horizon 28": Shape(sample, "1d", 28, items=named),
    }


def _summed(sales: pl.LazyFrame) -> pl.DataFrame:
    total = pl.col("units_sold").cast(pl.Float64).sum().cast(pl.Float32)
    return sales.group_by(*SERIES, "date").agg(total).sort(*SERIES, "date").collect(engine="streaming")


def _weekly(sales: pl.DataFrame, until: date) -> pl.DataFrame:
    """Weeks that end with the last day; a first, incomplete one is left out."""
    back = (pl.lit(until) - pl.col("date")).dt.total_days() // 7
    starts = pl.lit(until) - pl.duration(days=back * 7 + 6)
    weeks = _summed(sales.lazy().with_columns(date=starts))
    return weeks.filter(pl.col("date") >= sales["date"].min())


def _promoted(sales: pl.DataFrame, until: date) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The sales as if two weeks in five brought a promotion and Sundays none; and the plan, beyond the last day too.

    Every series is a store here, with the one item "all", as in data that has no items.
    """
    sales = sales.with_columns(store_id=pl.concat_str(SERIES, separator="_"), item_id=pl.lit("all"))
    first = sales.select(pl.col("date").min()).item()
    days = pl.DataFrame({"date": pl.date_range(first, until + timedelta(days=400), eager=True)})
    plan = sales.select("store_id").unique().sort("store_id").with_row_index("number").join(days, how="cross")
    week = (pl.col("date") - pl.lit(first)).dt.total_days() // 7
    promotion = (week * 7919 + pl.col("number").cast(pl.Int64) // 8 * 31) % 5 < 2
    plan = plan.with_columns(promotion=promotion, open=pl.col("date").dt.weekday() != 7).drop("number")
    factor = pl.when("open").then(pl.when("promotion").then(PROMOTION_LIFT).otherwise(1.0)).otherwise(0.0)
    lifted = sales.join(plan, on=["store_id", "date"], how="left").with_columns(
        units_sold=(pl.col("units_sold") * factor).cast(pl.Float32)
    )
    return lifted.select(*SERIES, "date", "units_sold").sort(*SERIES, "date"), plan
