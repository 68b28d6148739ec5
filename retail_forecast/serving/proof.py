"""What was published, next to what is answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import polars as pl

from retail_forecast.lake import open_lake
from retail_forecast.lake.vintages import scan_forecasts

SAMPLED_SERIES = 5
_TOLERANCE = 1e-3

IsWanted = Callable[[str, str], bool]
"""Whether a store's item is to be among those that are sampled."""


def sample_forecasts(
    lake_url: str, vintage: str, *, count: int = SAMPLED_SERIES, wanted: IsWanted | None = None
) -> list[pl.DataFrame]:
    """The published rows of some series, spread over the table."""
    published = scan_forecasts(open_lake(lake_url), vintage)
    series = published.select("store_id", "item_id").unique(maintain_order=True).collect()
    if wanted is not None:
        series = series.filter(pl.Series([wanted(*key) for key in series.iter_rows()], dtype=pl.Boolean))
    step = max(1, series.height // count)
    chosen = series.gather_every(step).head(count)
    rows = published.join(chosen.lazy(), on=["store_id", "item_id"], how="semi").sort("store_id", "item_id", "date")
    return rows.collect().partition_by("store_id", "item_id", maintain_order=True)


def path_of(rows: pl.DataFrame) -> str:
    """Where the API has the forecasts of the series that the rows are of."""
    return f"/v1/forecasts/{quote(rows['store_id'][0], safe='')}/{quote(rows['item_id'][0], safe='')}"


def difference(rows: pl.DataFrame, answer: dict[str, Any] | None, vintage: str) -> str | None:
    """What tells the answer from the published rows; None if nothing does."""
    if answer is None or "forecasts" not in answer:
        return f"found {str(answer)[:200]}"
    if answer["vintage"] != vintage:
        return f"it comes from vintage {answer['vintage']!r}"
    columns = rows.select("mean", pl.col(r"^q\d.*$")).columns
    found = [
        {"date": one["date"], "mean": one["mean"], **{f"q{name}": value for name, value in one["quantiles"].items()}}
        for one in answer["forecasts"]
    ]
    if [one["date"] for one in found] != rows["date"].cast(pl.String).to_list():
        return "its dates are others"
    for row, one in zip(rows.iter_rows(named=True), found, strict=True):
        for column in columns:
            if abs(row[column] - one.get(column, float("inf"))) > _TOLERANCE * (1 + abs(row[column])):
                return f"{column} on {one['date']} is {one.get(column)}, published {row[column]}"
    return None
