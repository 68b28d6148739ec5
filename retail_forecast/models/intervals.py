"""Quantiles from the residuals of a backtest: split-conformal, by expected level and lead.

A residual is scaled by sqrt(m + m²), m being the expected units: the standard deviation of a negative binomial of
dispersion one, near a Poisson's for slow sellers and proportional for fast ones. Residuals are pooled with those of
about the same level and lead, so the scale only has to be right within a bucket.
Source: Lei et al., Distribution-Free Predictive Inference for Regression (2018), with locally weighted residuals.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retail_forecast.errors import TrainingError

_PROBABILITIES = (0.005, 0.01, 0.025, *(round(0.05 * step, 2) for step in range(1, 20)), 0.975, 0.99, 0.995)
_BLOCKS = 4
_MOST_BUCKETS = 30
_RESIDUALS_PER_CELL = 250
_LEAST_RESIDUALS = 50


@dataclass(frozen=True, eq=False)
class Intervals:
    """Residual quantiles [block, bucket, probability] and where the blocks and buckets end.

    block_ends: the last lead of each block. level_edges: expected units that part one bucket from the next.
    """

    block_ends: tuple[int, ...]
    level_edges: tuple[float, ...]
    probabilities: tuple[float, ...]
    residuals: NDArray[np.float64]
    non_negative: bool

    def quantiles(
        self, mean: NDArray[np.float64], lead: NDArray[np.int64], probabilities: Sequence[float]
    ) -> NDArray[np.float64]:
        """[R] to [R, Q]: quantiles of units; they never cross, and are never negative where sales are not."""
        block = np.minimum(np.searchsorted(self.block_ends, lead), len(self.block_ends) - 1)
        bucket = np.searchsorted(self.level_edges, mean, side="right")
        wanted = self._at(sorted(probabilities))[block, bucket]
        units = mean[:, None] + wanted * _scale(mean)[:, None]
        return np.maximum(units, 0.0) if self.non_negative else units

    def add_quantiles(self, frame: pl.DataFrame, probabilities: Sequence[float]) -> pl.DataFrame:
        """The same rows (with lead and mean) and a Float32 column q<probability> per quantile."""
        units = self.quantiles(
            frame["mean"].cast(pl.Float64).to_numpy(), frame["lead"].cast(pl.Int64).to_numpy(), probabilities
        )
        names = [f"q{probability:g}" for probability in sorted(probabilities)]
        return frame.with_columns(
            **{name: pl.Series(units[:, column]).cast(pl.Float32) for column, name in enumerate(names)}
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values for intervals.json."""
        return {
            "block_ends": list(self.block_ends),
            "level_edges": list(self.level_edges),
            "probabilities": list(self.probabilities),
            "residuals": self.residuals.tolist(),
            "non_negative": self.non_negative,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(
            block_ends=tuple(values["block_ends"]),
            level_edges=tuple(values["level_edges"]),
            probabilities=tuple(values["probabilities"]),
            residuals=np.array(values["residuals"], dtype=np.float64),
            non_negative=bool(values["non_negative"]),
        )

    def _at(self, probabilities: Sequence[float]) -> NDArray[np.float64]:
        """[block, bucket, Q]: linear between the kept probabilities, the outermost beyond them."""
        flat = self.residuals.reshape(-1, len(self.probabilities))
        rows = [np.interp(probabilities, self.probabilities, row) for row in flat]
        return np.array(rows).reshape(*self.residuals.shape[:2], len(probabilities))


def fit_intervals(
    residuals: pl.DataFrame, *, horizon: int, quantiles: Sequence[float] = (), non_negative: bool = True
) -> Intervals:
    """Intervals from backtest rows lead, mean, units_sold (units) that the model had not seen.

    quantiles: probabilities that must be exact, not interpolated. Raises TrainingError without known sales.
    """
    known = residuals.drop_nulls(["mean", "units_sold"])
    if known.is_empty():
        raise TrainingError("The backtest has no rows with known sales, so intervals cannot be learned from it.")
    mean = known["mean"].cast(pl.Float64).to_numpy()
    scaled = (known["units_sold"].cast(pl.Float64).to_numpy() - mean) / _scale(mean)
    ends = _block_ends(horizon)
    block = np.minimum(np.searchsorted(ends, known["lead"].cast(pl.Int64).to_numpy()), len(ends) - 1)
    edges = _level_edges(mean, len(ends))
    bucket = np.searchsorted(edges, mean, side="right")
    probabilities = tuple(sorted({*_PROBABILITIES, *quantiles}))
    table = _table(scaled, block, bucket, (len(ends), len(edges) + 1), probabilities)
    return Intervals(ends, tuple(edges), probabilities, table, non_negative)


def conformal_quantiles(values: NDArray[np.float64], probabilities: Sequence[float]) -> NDArray[np.float64]:
    """Order statistics with the finite-sample correction, outwards from the middle on both sides.

    >>> conformal_quantiles(np.arange(1.0, 10.0), [0.1, 0.5, 0.9]).tolist()
    [1.0, 5.0, 9.0]
    """
    ordered, n = np.sort(values), len(values)
    ranks = [math.floor((n + 1) * p + 1e-9) if p < 0.5 else math.ceil((n + 1) * p - 1e-9) for p in probabilities]
    return np.asarray(ordered[np.clip(ranks, 1, n) - 1])


def _table(
    scaled: NDArray[np.float64],
    block: NDArray[np.intp],
    bucket: NDArray[np.intp],
    shape: tuple[int, int],
    probabilities: Sequence[float],
) -> NDArray[np.float64]:
    table = np.zeros((*shape, len(probabilities)))
    for at_bucket in range(shape[1]):
        in_bucket = bucket == at_bucket
        for at_block in range(shape[0]):
            values = scaled[in_bucket & (block == at_block)]
            if len(values) < _LEAST_RESIDUALS:
                values = scaled[in_bucket]
            table[at_block, at_bucket] = conformal_quantiles(values, probabilities)
    return _rounded(table)


def _block_ends(horizon: int) -> tuple[int, ...]:
    """The horizon in about equal blocks of leads, four at most.

    >>> _block_ends(28), _block_ends(3)
    ((7, 14, 21, 28), (1, 2, 3))
    """
    blocks = min(_BLOCKS, horizon)
    return tuple(-(-horizon * block // blocks) for block in range(1, blocks + 1))


def _level_edges(mean: NDArray[np.float64], blocks: int) -> list[float]:
    """Expected units between equally filled buckets; every bucket has some rows."""
    buckets = max(1, min(_MOST_BUCKETS, len(mean) // (blocks * _RESIDUALS_PER_CELL)))
    cuts = np.quantile(mean, np.arange(1, buckets) / buckets) if buckets > 1 else np.zeros(0)
    edges = np.unique(_rounded(cuts))
    return [float(edge) for edge in edges if mean.min() < edge <= mean.max()]


def _scale(mean: NDArray[np.float64]) -> NDArray[np.float64]:
    units = np.maximum(np.abs(mean), 1e-6)
    return np.asarray(np.sqrt(units + units**2))


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Six digits are kept: enough for units, and short to read. Rounding keeps the order."""
    return np.array([float(f"{value:.6g}") for value in values.ravel()]).reshape(values.shape)
