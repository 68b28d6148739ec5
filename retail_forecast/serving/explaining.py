"""The drivers of a published forecast as they are shown: to four decimals, and adding up in them."""

from __future__ import annotations

from typing import Any

import numpy as np

from retail_forecast.models.drivers import DRIVERS
from retail_forecast.models.explanations import Explanation, explain
from retail_forecast.serving.predictor import Predictor, UnsoundVintageError
from retail_forecast.serving.table import DECIMALS, Series

_TOLERANCE = 1e-3


def explain_series(predictor: Predictor, series: Series) -> dict[str, Any]:
    """An ExplainAnswer without its provenance. Raises KeyError, UnsoundVintageError."""
    table, span, rows = predictor.table, predictor.table.spans[series], predictor.rows
    pools = predictor.bundle.pools_for(series[0])
    matrices = {pool: rows.matrix(pool, span) for pool in pools}
    alignment = matrices[pools[0]][1].astype(np.float64)
    found = explain(predictor.bundle, series[0], lambda pool: matrices[pool][0], alignment=alignment)
    part = slice(*span)
    mean = table.values[part, 0]
    if not np.allclose(found.mean, mean, rtol=_TOLERANCE, atol=_TOLERANCE):
        raise UnsoundVintageError(f"The model of vintage {predictor.vintage.id} does not reproduce what is explained.")
    numbers = _shown(found, mean)
    periods = [_units(row) for row in numbers]
    days = [{"date": day, "lead": lead} for day, lead in zip(table.dates[part], table.leads[part], strict=True)]
    return {
        "store_id": series[0],
        "item_id": series[1],
        "drivers": list(DRIVERS),
        "total": _units(numbers.sum(axis=0)),
        "periods": [{**day, **units} for day, units in zip(days, periods, strict=True)],
    }


def _shown(found: Explanation, mean: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """[H, 2 + D] in the last decimal: mean, expected, contributions. What rounding leaves goes to the largest one."""
    scaled = np.rint(np.column_stack([mean, found.expected, found.contributions]) * 10**DECIMALS).astype(np.int64)
    largest = 2 + np.abs(scaled[:, 2:]).argmax(axis=1)
    scaled[np.arange(len(scaled)), largest] += scaled[:, 0] - scaled[:, 1:].sum(axis=1)
    return np.asarray(scaled)


def _units(row: np.ndarray[Any, np.dtype[np.int64]]) -> dict[str, Any]:
    mean, expected, *contributions = (number / 10**DECIMALS for number in row.tolist())
    return {"mean": mean, "expected": expected, "contributions": dict(zip(DRIVERS, contributions, strict=True))}
