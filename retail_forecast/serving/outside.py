"""Which values of a scenario lie beyond what the model has seen in training, where its answer is a guess."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    wanted: dict[str, dict[int, Value]] = {}
    for name, periods, value in changes:
        wanted.setdefault(name, {}).update(dict.fromkeys(periods.tolist(), value))
    return [one for name in sorted(wanted) for one in _of_covariate(seen, columns, matrix, dates, name, wanted[name])]


def _of_covariate(
    seen: Seen, columns: Columns, matrix: Matrix, dates: Sequence[str], name: str, wanted: Mapping[int, Value]
) -> Iterator[dict[str, Any]]:
    """Those of one covariate; what is usual and the value are mostly the same in all periods, and looked at once."""
    column = columns.usual(name)
    usual = [float("nan")] * len(matrix) if column is None else matrix[:, column].tolist()
    known: dict[tuple[float, Value], dict[str, Any] | None] = {}
    for period, value in sorted(wanted.items()):
        case = usual[period], value
        if case not in known:
            known[case] = _limits(seen, name, *case)
        if (limits := known[case]) is not None:
            yield {"covariate": name, "date": dates[period], "value": value, "seen": limits}


def _limits(seen: Seen, name: str, usual: float, value: Value) -> dict[str, Any] | None:
    """What was seen, if the value is not among it."""
    if value is None or isinstance(value, str | bool):
        values = seen.values.get(name, ())
        return None if value in values else {"values": list(values)}
    limits = seen.range_for(name, usual)
    if limits is None:
        return {"values": []}
    slack = _SLACK * max(abs(limits.min), abs(limits.max))
    if limits.min - slack <= value <= limits.max + slack:
        return None
    return {name: round(limit, 4) for name, limit in asdict(limits).items()}
