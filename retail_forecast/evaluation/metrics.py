"""Measures of error over plain arrays: N series, H forecast periods, P periods of history, Q quantiles.

RMSSE and WRMSSE: "The M5 accuracy competition" (Makridakis et al., 2022), equations 1 and 2. SPL and WSPL: "The M5
uncertainty competition" (2022), equations 1 and 2. WQL: the mean over the quantiles of 2 x pinball loss / total of the
actual values, as in GluonTS and fev.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


def squared_scale(history: Array, stops: Sequence[int]) -> NDArray[np.float64]:
    """[N, P] to [N, len(stops)]: mean squared step of each series before each stop, from its first sale on.

    A stop is the number of periods that may be seen. NaN where there is no step yet.

    >>> squared_scale(np.array([[0.0, 0.0, 3.0, 1.0, 1.0, 9.0]]), [5])  # (1 - 3)^2 and 0, over two steps
    array([[2.]])
    """
    return _mean_steps(history, stops, power=2)


def absolute_scale(history: Array, stops: Sequence[int]) -> NDArray[np.float64]:
    """[N, P] to [N, len(stops)]: mean absolute step of each series before each stop, from its first sale on.

    >>> absolute_scale(np.array([[0.0, 0.0, 3.0, 1.0, 1.0, 9.0]]), [5])  # 2 and 0, over two steps
    array([[1.]])
    """
    return _mean_steps(history, stops, power=1)


def rmsse(error: Array, scale: Array, known: NDArray[np.bool_] | None = None) -> NDArray[np.float64]:
    """[N, H] to [N]: root of the mean squared error over the mean squared step; NaN where that is no scale.

    known: [N, H], false where the actual value is not there (yet).
    """
    mean_squared = np.mean(error**2, axis=1) if known is None else _masked_mean(error**2, known)
    usable = np.isfinite(scale) & (scale > 0)
    ratio: NDArray[np.float64] = np.divide(mean_squared, scale, out=np.full(len(scale), np.nan), where=usable)
    return np.sqrt(ratio)


def weighted_mean(values: Array, weights: Array) -> float:
    """The weighted mean of the values that are numbers, NaN without any. No weight at all: equal weights."""
    usable = np.isfinite(values)
    if not usable.any():
        return float("nan")
    kept = weights[usable] if weights[usable].sum() > 0 else np.ones(usable.sum())
    return float(np.average(values[usable], weights=kept))


def mae(actual: Array, forecast: Array) -> float:
    """Mean absolute error, in units."""
    return float(np.mean(np.abs(forecast - actual)))


def bias(actual: Array, forecast: Array) -> float:
    """Mean error, in units; above zero where too much was forecast."""
    return float(np.mean(forecast - actual))


def wape(actual: Array, error: Array) -> float:
    """Weighted absolute percentage error: the sum of absolute errors over that of the actual values; NaN of nothing.

    >>> wape(np.array([8.0, 2.0]), np.array([1.0, -1.0]))
    0.2
    """
    total = float(np.abs(actual).sum())
    return float(np.abs(error).sum()) / total if total > 0 else float("nan")


def pinball(actual: Array, forecast: Array, quantile: float) -> float:
    """Mean pinball (quantile) loss, in units."""
    return float(np.mean(_pinball_losses(actual, forecast, quantile)))


def scaled_pinball(
    actual: Array, forecasts: Array, quantiles: Sequence[float], scale: Array, known: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """[N, H] and [N, H, Q] to [N]: the mean over the quantiles of the pinball loss over the mean absolute step (SPL).

    NaN where there is no scale. known: [N, H], false where the actual value is not there (yet).
    """
    known = np.ones(actual.shape, dtype=bool) if known is None else known
    losses = np.mean(
        [_masked_mean(_pinball_losses(actual, forecasts[..., i], q), known) for i, q in enumerate(quantiles)], axis=0
    )
    usable = np.isfinite(scale) & (scale > 0)
    return np.asarray(np.divide(losses, scale, out=np.full(len(scale), np.nan), where=usable))


def wql(actual: Array, forecasts: Array, quantiles: Sequence[float]) -> float:
    """Weighted quantile loss of [M, Q] forecasts of [M] values; NaN where nothing was sold."""
    total = float(np.mean(np.abs(actual)))
    losses = [pinball(actual, forecasts[:, i], quantile) for i, quantile in enumerate(quantiles)]
    return 2 * float(np.mean(losses)) / total if total > 0 else float("nan")


def coverage(actual: Array, lower: Array, upper: Array) -> float:
    """Share of the values that lie within their interval, bounds included."""
    return float(np.mean((actual >= lower) & (actual <= upper)))


def _mean_steps(history: Array, stops: Sequence[int], *, power: int) -> NDArray[np.float64]:
    sold = history != 0
    first = np.where(sold.any(axis=1), sold.argmax(axis=1), history.shape[1])
    steps = np.abs(np.diff(history.astype(np.float64, copy=False), axis=1, prepend=0.0)) ** power
    steps[np.arange(len(first)), np.minimum(first, history.shape[1] - 1)] = 0.0
    sums = np.stack([steps[:, :stop].sum(axis=1) for stop in stops], axis=1)
    counts = np.asarray(stops)[None, :] - 1 - first[:, None]
    scale: NDArray[np.float64] = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return scale


def _pinball_losses(actual: Array, forecast: Array, quantile: float) -> NDArray[np.float64]:
    below = actual - forecast
    return np.asarray(np.maximum(quantile * below, (quantile - 1) * below), dtype=np.float64)


def _masked_mean(values: Array, known: NDArray[np.bool_]) -> NDArray[np.float64]:
    counts = known.sum(axis=1)
    sums = np.where(known, values, 0.0).sum(axis=1)
    means: NDArray[np.float64] = np.divide(sums, counts, out=np.full(len(counts), np.nan), where=counts > 0)
    return means
