"""Small datasets and files that the tests of this room share."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import polars as pl

from retail_forecast.dataset import Dataset, parse_dataset

TODAY = date(2024, 3, 1)
HEADER = "shop,sku,day,qty\n"


def corner_shops(**changes: Any) -> Dataset:
    """Daily sales with mapped columns, prices with a known future, and a table of stores."""
    raw: dict[str, Any] = {
        "name": "corner-shops",
        "frequency": "1d",
        "horizon": 7,
        "start_date": "2024-01-01",
        "tables": {
            "sales": {"columns": {"store_id": "shop", "item_id": "sku", "date": "day", "units_sold": "qty"}},
            "prices": {
                "values": {"sell_price": "float"},
                "known_future": ["sell_price"],
                "carry_forward": True,
            },
            "calendar": {
                "keys": ["store_id", "date"],
                "values": {"open": "boolean", "footfall": "integer", "event": "category"},
            },
            "stores": {"keys": ["store_id"], "values": {"region": "category"}},
        },
    }
    return parse_dataset({**raw, **changes})


def sales_csv(*rows: str) -> bytes:
    """A drop of sales for `corner_shops`."""
    return (HEADER + "".join(f"{row}\n" for row in rows)).encode()


def parquet(frame: pl.DataFrame) -> bytes:
    """The frame as a Parquet file."""
    sink = io.BytesIO()
    frame.write_parquet(sink)
    return sink.getvalue()
