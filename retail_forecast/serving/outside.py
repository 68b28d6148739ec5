"""Which values of a scenario lie beyond what the model has seen in training, where its answer is a guess."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retail_forecast.models.feature_matrix import Columns, Matrix
from retail_forecast.models.seen import Seen
from retail_forecast.serving.scenario import Value

_SLACK = 1e-6  # features are Float32


def find_outside(
    seen: Seen,
    columns: Columns,
    matrix: Matrix,
    dates: Sequence[str],
    changes: Iterable[tuple[str, NDArray[np.intp], Value]],
) -> list[dict[str, Any]]:
    """One dict per value beyond what was seen: covariate, date, value and `seen`, {min, max} or {values}.

    matrix: the feature rows [H, F] of the series. changes: covariate, periods, value; a later one wins.
    """
    wanted = {(name, int(period)): value for name, periods, value in changes for period in periods}
    found = []
    for (name, period), value in sorted(wanted.items(), key=lambda one: (one[0][0], one[0][1])):
        limits = _limits(seen, columns, matrix[period], name, value)
        if limits is not None:
            found.append({"covariate": name, "date": dates[period], "value": value, "seen": limits})
    return found


def _limits(seen: Seen, columns: Columns, row: Matrix, name: str, value: Value) -> dict[str, Any] | None:
    """What was seen, if the value is not among it."""
    if value is None or isinstance(value, str | bool):
        values = seen.values.get(name, ())
        return None if value in values else {"values": list(values)}
    usual = columns.usual(name)
    limits = seen.range_for(name, float("nan") if usual is None else float(row[usual]))
    if limits is None:
        return {"values": []}
    slack = _SLACK * max(abs(limits.min), abs(limits.max))
    if limits.min - slack <= value <= limits.max + slack:
        return None
    return {name: round(limit, 4) for name, limit in asdict(limits).items()}
