"""How good the forecasts have been: the model's backtest, and published vintages against the sales since."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl

_OURS, _COMPETING = "challenger", "champion"  # what a backtest calls the model and the champion of that time

_SUMS = ["periods", "units_sold", "absolute_error", "excess"]

Scores = dict[str, Any]


def backtest_scores(bundle: Path) -> tuple[list[Scores], list[Scores]]:
    """(one dict per level, one per baseline and level): the means over the backtest's cutoffs; empty without one."""
    file = bundle / "scores.json"
    raw = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    if not raw:
        return [], []
    rows = pl.DataFrame(raw, schema_overrides={"value": pl.Float64})
    means = rows.group_by("model", "level", "metric", maintain_order=True).agg(pl.col("value").mean())
    ours = _by_group(means.filter(model=_OURS), ["level"])
    return ours, _by_group(means.filter(~pl.col("model").is_in([_OURS, _COMPETING])), ["model", "level"])


def live_scores(rows: pl.DataFrame | None) -> list[Scores]:
    """One dict per vintage and level of the table `forecast_accuracy`, the latest cutoff first."""
    if rows is None:
        return []
    latest = rows.sort("cutoff", descending=True, maintain_order=True)
    keys = ["vintage", "model_version", "cutoff", "periods", "level"]
    return [{**one, "cutoff": one["cutoff"].isoformat()} for one in _by_group(latest, keys)]


def series_scores(rows: pl.DataFrame | None, store_id: str, item_id: str) -> Scores:
    """WAPE and bias of one series over all judged vintages, and under `cutoffs` of each, the latest first.

    rows: the table `series_accuracy`. Both are null where they are not known, and the WAPE where nothing was sold.
    """
    found = (
        rows.filter(store_id=store_id, item_id=item_id).sort("cutoff", descending=True) if rows is not None else None
    )
    if found is None or found.is_empty():
        return {"wape": None, "bias": None, "periods": 0, "units_sold": 0.0, "cutoffs": []}
    each = [{"vintage": one["vintage"], "cutoff": one["cutoff"].isoformat(), **_sums(one)} for one in found.to_dicts()]
    return {**_sums(found.select(pl.col(_SUMS).sum()).to_dicts()[0]), "cutoffs": each}


def _sums(one: Scores) -> Scores:
    sold, periods = one["units_sold"], one["periods"]
    wape = round(one["absolute_error"] / sold, 4) if sold > 0 else None
    return {"wape": wape, "bias": round(one["excess"] / periods, 4), "periods": periods, "units_sold": round(sold, 4)}


def _by_group(rows: pl.DataFrame, keys: Iterable[str]) -> list[Scores]:
    """One dict per group: its keys and its metrics by name; those that are no number are left out."""
    made: list[Scores] = []
    for group, of_group in rows.partition_by(list(keys), as_dict=True, maintain_order=True).items():
        scores = {name: value for name, value in of_group.select("metric", "value").iter_rows() if _is_number(value)}
        made.append(dict(zip(keys, group, strict=True)) | scores)
    return made


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
