"""How erratic recent sales are, as one number per series or group: what its level alone does not say."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

_LEAST = 0.1


def spread_periods(frequency: Literal["1d", "1w"]) -> int:
    """How many periods the spread looks back: half a year of days, a year of weeks."""
    return 182 if frequency == "1d" else 52


def compute_spread(units: NDArray[np.floating]) -> NDArray[np.float64]:
    """[G, P] to [G]: the logarithm of variance over mean of the last P periods; zero for a Poisson's, 0 without any.

    >>> compute_spread(np.array([[0.0, 0.0, 0.0, 4.0], [1.0, 1.0, 1.0, 1.0]])).round(2).tolist()
    [1.04, -2.4]
    """
    if units.shape[1] == 0:
        return np.zeros(len(units))
    mean = np.abs(units.mean(axis=1, dtype=np.float64))
    variance = units.var(axis=1, dtype=np.float64)
    return np.asarray(np.log((variance + _LEAST) / (mean + _LEAST)))
