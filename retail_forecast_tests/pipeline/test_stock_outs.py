from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl

from retail_forecast.pipeline.stock_outs import STOCK_OUTS, count_by_store, find_stock_outs
from retail_forecast_tests.pipeline.shop_lake import CUTOFF, shop_dataset, shop_lake, shop_sales


def test_an_empty_shelf_of_a_fast_seller_is_reported_by_store(tmp_path: Path) -> None:
    """z of store A sells eight a day and more; two days of the last week it sells nothing."""
    out = (pl.col("store_id") == "A") & (pl.col("item_id") == "z")
    days = pl.col("date").is_between(CUTOFF - timedelta(days=4), CUTOFF - timedelta(days=3))
    sales = shop_sales().with_columns(units_sold=pl.when(out & days).then(0).otherwise("units_sold"))
    lake = shop_lake(tmp_path, sales.with_columns(pl.col("units_sold").cast(pl.Float32)))
    found = find_stock_outs(lake, shop_dataset(), cutoff=CUTOFF)
    expected = [("A", "z", CUTOFF - timedelta(days=4)), ("A", "z", CUTOFF - timedelta(days=3))]
    assert found.rows() == expected
    assert count_by_store(found) == {"A": 2}
    published = lake.table(STOCK_OUTS).scan()
    assert published is not None
    assert published.collect().equals(found)


def test_usual_sales_have_no_stock_outs(tmp_path: Path) -> None:
    assert find_stock_outs(shop_lake(tmp_path), shop_dataset(), cutoff=CUTOFF).is_empty()
