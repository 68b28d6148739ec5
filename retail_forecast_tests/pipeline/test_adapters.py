"""Every shape of retail data, from its description and CSV files to forecasts."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from retail_forecast_tests.pipeline.adapter import START, dates, forecast_files

DAILY = "name: shape\nfrequency: 1d\nhorizon: 7\nstart_date: 2024-01-01\nquantiles: [0.1, 0.5, 0.9]\n"
KEYS = ["store_id", "item_id", "date"]


def panel(days: list[date], stores: list[str], items: list[str]) -> pl.DataFrame:
    """One row per store, item and day; sales of about ten units."""
    frames = (pl.DataFrame({"store_id": stores}), pl.DataFrame({"item_id": items}), pl.DataFrame({"date": days}))
    keys = frames[0].join(frames[1], how="cross").join(frames[2], how="cross")
    random = np.random.default_rng(3)
    return keys.with_columns(units_sold=pl.Series(random.poisson(10, keys.height), dtype=pl.Int64))


def sold(rows: pl.DataFrame, factor: pl.Expr) -> pl.DataFrame:
    """The sales with units multiplied; only the columns of a file of sales."""
    return rows.with_columns(units_sold=(pl.col("units_sold") * factor).cast(pl.Int64)).select(*KEYS, "units_sold")


def mean_where(rows: pl.DataFrame, wanted: pl.Expr) -> float:
    """Mean expected units of the rows that are wanted."""
    found = rows.filter(wanted)["mean"].mean()
    assert isinstance(found, float)
    return found


def test_weeks_follow_weeks(tmp_path: Path) -> None:
    weeks = dates(120, step=7)
    text = "name: shape\nfrequency: 1w\nhorizon: 8\nstart_date: 2024-01-01\ntables: {sales: {}}\n"
    # week numbers 0 to 119 rise from 10 units to 129: the next eight lie above 100
    rows = (
        panel(weeks[:1], ["a", "b"], ["x", "y"])
        .drop("date", "units_sold")
        .join(pl.DataFrame({"date": weeks, "units_sold": range(10, 130)}), how="cross")
    )
    found = forecast_files(tmp_path, text, {"sales": [rows]})
    assert found["date"].unique().sort().to_list() == dates(8, step=7, start=weeks[-1] + timedelta(days=7))
    assert 100 < mean_where(found, pl.lit(True)) < 145


def test_a_promotion_of_a_series_that_is_known_ahead_moves_its_forecast(tmp_path: Path) -> None:
    days = dates(127)
    rows = panel(days, ["a", "b"], ["x", "y"])
    promoted = (pl.col("date").dt.ordinal_day() * 7 + pl.col("item_id").eq("x") * 3) % 5 == 0
    table = rows.select(*KEYS, promotion=promoted.cast(pl.Int8))
    text = f"{DAILY}tables:\n  sales: {{}}\n  promotions:\n    values: {{promotion: boolean}}\n"
    sales = sold(rows, pl.when(promoted).then(4).otherwise(1)).filter(pl.col("date") <= days[119])
    found = forecast_files(
        tmp_path, f"{text}    known_future: [promotion]\n", {"sales": [sales], "promotions": [table]}
    )
    # about 40 units under promotion, 10 without
    assert mean_where(found, promoted) > 2 * mean_where(found, ~promoted)


def test_a_category_of_a_store_that_is_known_ahead_moves_its_forecast(tmp_path: Path) -> None:
    days = dates(127)
    rows = panel(days, ["a", "b"], ["x", "y"])
    fair = (pl.col("date").dt.ordinal_day() + 3 * pl.col("store_id").eq("b").cast(pl.Int16)) % 6 == 0
    table = rows.select("store_id", "date", event=pl.when(fair).then(pl.lit("fair")).otherwise(pl.lit("none"))).unique()
    text = f"{DAILY}tables:\n  sales: {{}}\n  calendar:\n    keys: [store_id, date]\n    values: {{event: category}}\n"
    sales = sold(rows, pl.when(fair).then(4).otherwise(1)).filter(pl.col("date") <= days[119])
    found = forecast_files(tmp_path, f"{text}    known_future: [event]\n", {"sales": [sales], "calendar": [table]})
    assert mean_where(found, fair) > 2 * mean_where(found, ~fair)


def test_a_number_of_all_stores_that_is_known_ahead_moves_the_forecast(tmp_path: Path) -> None:
    days = dates(127)
    rows = panel(days, ["a", "b"], ["x", "y"])
    hot = pl.col("date").dt.ordinal_day() * 5 % 13 > 8
    table = pl.DataFrame({"date": days}).with_columns(temperature=pl.when(hot).then(31.5).otherwise(18.0))
    text = f"{DAILY}tables:\n  sales: {{}}\n  weather:\n    keys: [date]\n    values: {{temperature: float}}\n"
    sales = sold(rows, pl.when(hot).then(3).otherwise(1)).filter(pl.col("date") <= days[119])
    found = forecast_files(tmp_path, f"{text}    known_future: [temperature]\n", {"sales": [sales], "weather": [table]})
    assert mean_where(found, hot) > 1.8 * mean_where(found, ~hot)


def test_what_is_known_of_the_past_only_needs_no_rows_of_the_future(tmp_path: Path) -> None:
    rows = panel(dates(120), ["a"], ["x", "y"])
    sales = rows.with_columns(customers=pl.col("units_sold") * 3)
    stock = rows.select(*KEYS, on_hand=pl.col("units_sold") + 5)
    text = f"{DAILY}tables:\n  sales:\n    values: {{customers: integer}}\n  stock:\n    values: {{on_hand: integer}}\n"
    found = forecast_files(tmp_path, text, {"sales": [sales], "stock": [stock]})
    assert found.height == 2 * 7
    assert 7 < mean_where(found, pl.lit(True)) < 13


def test_attributes_carry_what_items_have_in_common_to_a_new_item(tmp_path: Path) -> None:
    rows = panel(dates(120), ["a", "b"], [f"i{n}" for n in range(8)])
    dear = pl.col("item_id").is_in(["i0", "i1", "i2", "i3"])
    new = pl.col("item_id").is_in(["i3", "i7"]) & (pl.col("date") < START + timedelta(days=118))
    sales = sold(rows, pl.when(new).then(0).when(dear).then(1).otherwise(6)).filter(pl.col("units_sold") > 0)
    items = pl.DataFrame({"item_id": [f"i{n}" for n in range(8)], "line": ["slow"] * 4 + ["fast"] * 4})
    text = f"{DAILY}tables:\n  sales: {{}}\n  items:\n    keys: [item_id]\n    values: {{line: category}}\n"
    found = forecast_files(tmp_path, text, {"items": [items], "sales": [sales]})
    # i3 and i7 sold for two days only: about 10 and 60 units, as their lines do
    assert mean_where(found, pl.col("item_id") == "i7") > 2 * mean_where(found, pl.col("item_id") == "i3")


def test_a_source_without_items_has_one_per_store(tmp_path: Path) -> None:
    rows = panel(dates(120), ["1", "2"], ["all"]).drop("item_id").rename({"store_id": "Store", "units_sold": "Sales"})
    columns = "{store_id: Store, item_id: null, units_sold: Sales}"
    found = forecast_files(tmp_path, f"{DAILY}tables:\n  sales: {{columns: {columns}}}\n", {"sales": [rows]})
    assert found.select("store_id", "item_id").unique().sort("store_id").rows() == [("1", "all"), ("2", "all")]


def test_ninety_days_are_forecast_at_once(tmp_path: Path) -> None:
    days = dates(500)
    rows = panel(days, ["a"], ["x", "y"])
    sunday = pl.col("date").dt.weekday() == 7
    sales = sold(rows, pl.when(sunday).then(0).otherwise(1))
    text = DAILY.replace("horizon: 7", "horizon: 90")
    found = forecast_files(tmp_path, f"{text}tables: {{sales: {{}}}}\n", {"sales": [sales]})
    assert found["lead"].max() == 90
    late = pl.col("lead") > 60
    assert mean_where(found, late & sunday) < 0.3 * mean_where(found, late & ~sunday)


def test_two_months_of_history_are_enough_for_a_week_ahead(tmp_path: Path) -> None:
    rows = panel(dates(60), ["a"], ["x", "y"])
    found = forecast_files(tmp_path, f"{DAILY}tables: {{sales: {{}}}}\n", {"sales": [rows]})
    assert 6 < mean_where(found, pl.lit(True)) < 14


def test_fractions_and_returns_are_forecast_where_negatives_are_kept(tmp_path: Path) -> None:
    rows = panel(dates(120), ["a"], ["x", "y"])
    returned = (pl.col("item_id") == "y") & (pl.col("date") > START)
    # x sells about 2.5 a day; after its first day y is brought back as often
    signed = rows.with_columns(units_sold=pl.col("units_sold") * pl.when(returned).then(-0.25).otherwise(0.25))
    text = f"{DAILY}policy: {{negative_units: keep}}\ntables: {{sales: {{}}}}\n"
    found = forecast_files(tmp_path, text, {"sales": [signed]})
    assert -3.5 < mean_where(found, pl.col("item_id") == "y") < -1.5
    assert 1.5 < mean_where(found, pl.col("item_id") == "x") < 3.5


def test_returns_count_as_no_sale_where_negatives_are_clipped(tmp_path: Path) -> None:
    rows = panel(dates(120), ["a"], ["x", "y"])
    returned = (pl.col("item_id") == "y") & (pl.col("date") > START)
    signed = rows.with_columns(units_sold=pl.when(returned).then(-1).otherwise("units_sold"))
    text = f"{DAILY}policy: {{negative_units: clip_to_zero}}\ntables: {{sales: {{}}}}\n"
    found = forecast_files(tmp_path, text, {"sales": [signed]})
    assert found.select(pl.min_horizontal("mean", "q0.1").min()).item() >= 0
    assert mean_where(found, pl.col("item_id") == "y") < 0.5


def test_one_file_may_hold_sales_and_what_is_known_ahead(tmp_path: Path) -> None:
    days = dates(127)
    rows = panel(days, ["1", "2"], ["all"]).drop("item_id")
    promo = (pl.col("date").dt.ordinal_day() * 3 % 7 > 4).cast(pl.Int8)
    wide = rows.select(
        Store="store_id",
        Date="date",
        Sales=pl.col("units_sold") * pl.when(promo == 1).then(4).otherwise(1),
        Promo=promo,
    )
    past, ahead = pl.col("Date") <= days[119], pl.col("Date") > days[119]
    train, test = wide.filter(past), wide.filter(ahead).drop("Sales")
    columns = "store_id: Store, date: Date, item_id: null"
    text = f"""{DAILY}tables:
  sales: {{columns: {{{columns}, units_sold: Sales}}}}
  promotions:
    keys: [store_id, date]
    columns: {{store_id: Store, date: Date, promotion: Promo}}
    values: {{promotion: boolean}}
    known_future: [promotion]
"""
    found = forecast_files(tmp_path, text, {"sales+promotions": [train], "promotions": [test]})
    assert found.height == 2 * 7
    assert mean_where(found, promo == 1) > 2 * mean_where(found, promo == 0)
