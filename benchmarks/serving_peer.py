"""The peer of benchmarks/serving.py: uvicorn and FastAPI in one process, numbers in a dict, written as JSON when asked.

python -m benchmarks.serving_peer FORECASTS.parquet PORT
"""

from __future__ import annotations

import sys
from typing import Any

import polars as pl
import uvicorn
from fastapi import FastAPI, HTTPException
from fastapi.responses import JSONResponse
from pydantic import BaseModel

Table = dict[tuple[str, str], dict[str, Any]]


class Key(BaseModel):
    """One series."""

    store_id: str
    item_id: str


class Batch(BaseModel):
    """Many series."""

    series: list[Key]


def build_peer(table: Table) -> FastAPI:
    """The application. Its routes return a response themselves, which spares FastAPI's slow walk through the answer."""
    app = FastAPI()

    @app.get("/v1/forecasts/{store_id}/{item_id:path}")
    async def get_forecasts(store_id: str, item_id: str) -> JSONResponse:
        if (store_id, item_id) not in table:
            raise HTTPException(404)
        return JSONResponse(answer_of(table, store_id, item_id))

    @app.post("/v1/forecasts")
    def post_forecasts(batch: Batch) -> JSONResponse:
        return JSONResponse({"series": [answer_of(table, key.store_id, key.item_id) for key in batch.series]})

    return app


def answer_of(table: Table, store_id: str, item_id: str) -> dict[str, Any]:
    """The same fields as our answer."""
    row = table[store_id, item_id]
    quantiles = [name for name in row if name.startswith("q")]
    periods = [
        {"date": day, "lead": lead, "mean": mean, "quantiles": {name[1:]: row[name][at] for name in quantiles}}
        for at, (day, lead, mean) in enumerate(zip(row["date"], row["lead"], row["mean"], strict=True))
    ]
    return {"store_id": store_id, "item_id": item_id, "basis": row["basis"], "forecasts": periods}


def read_peer_table(path: str) -> Table:
    """Plain numbers by series, rounded as ours are."""
    frame = pl.read_parquet(path).drop("spread")
    numbers = [name for name in frame.columns if name == "mean" or name.startswith("q")]
    rounded = frame.with_columns(pl.col(numbers).cast(pl.Float64).round(4), pl.col("date", "basis").cast(pl.String))
    grouped = rounded.group_by("store_id", "item_id").agg(pl.exclude("basis"), pl.col("basis").first())
    return {(row.pop("store_id"), row.pop("item_id")): row for row in grouped.iter_rows(named=True)}


if __name__ == "__main__":
    uvicorn.run(build_peer(read_peer_table(sys.argv[1])), port=int(sys.argv[2]), log_level="warning", access_log=False)
