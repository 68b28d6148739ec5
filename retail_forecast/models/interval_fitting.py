"""Intervals of a level from the residuals that a backtest left at it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retail_forecast.errors import TrainingError
from retail_forecast.models.intervals import Floats, Intervals, scale_of

_PROBABILITIES = (0.005, 0.01, 0.025, *(round(0.05 * step, 2) for step in range(1, 20)), 0.975, 0.99, 0.995)
_BLOCKS = 4
_MOST_MEANS, _MOST_SPREADS = 60, 8
_RESIDUALS_PER_CELL = 250
_FEWEST_POOLED_GROUPS = 100
_PRIOR = 100.0  # independent residuals after which what was seen counts as much as what is assumed
_PRIOR_PER_GROUP = 4.0
_T_PROBABILITIES = (0.5, 0.75, 0.8, 0.85, 0.9, 0.95, 0.975, 0.99, 0.995, 0.9975, 0.999)
_T_QUANTILES = (0.0, 0.7267, 0.9195, 1.1558, 1.4759, 2.0150, 2.5706, 3.3649, 4.0321, 4.7733, 5.8934)
_T_MEAN_ABSOLUTE = 0.9490  # of Student's t with five degrees of freedom, as the quantiles above


@dataclass(frozen=True, eq=False)
class Sample:
    """What a backtest says of one level: C cutoffs, G groups, H leads.

    mean, units: [C, G, H]; NaN where nothing was forecast or is known. spread: [C, G], before each cutoff.
    """

    groups: tuple[str, ...]
    mean: Floats
    units: Floats
    spread: Floats

    def at(self, cutoffs: NDArray[np.integer]) -> Sample:
        """The same of some of the cutoffs."""
        return Sample(self.groups, self.mean[cutoffs], self.units[cutoffs], self.spread[cutoffs])

    @property
    def is_known(self) -> bool:
        """Whether any residual can be told."""
        return bool((np.isfinite(self.mean) & np.isfinite(self.units)).any())


def fit_intervals(sample: Sample, *, quantiles: Sequence[float] = (), non_negative: bool = True) -> Intervals:
    """Intervals from a backtest whose models had not seen the units.

    quantiles: probabilities that must be exact, not interpolated. Raises TrainingError without known sales.
    """
    known = np.isfinite(sample.mean) & np.isfinite(sample.units)
    if not sample.is_known:
        raise TrainingError("The backtest has no rows with known sales, so intervals cannot be learned from it.")
    scaled = np.where(known, (sample.units - sample.mean) / scale_of(sample.mean), np.nan)
    ends = _block_ends(sample.mean.shape[2])
    blocks = np.repeat(np.arange(len(ends)), np.diff((0, *ends)))
    probabilities = tuple(sorted({*_PROBABILITIES, *quantiles}))
    whole = bool((sample.units[known] == np.rint(sample.units[known])).all())
    pooled = len(sample.groups) >= _FEWEST_POOLED_GROUPS
    fit = _pooled if pooled else _by_group
    return Intervals(
        **fit(sample, scaled, blocks, probabilities),
        probabilities=probabilities,
        block_ends=ends,
        non_negative=non_negative,
        whole=whole,
    )


def conformal_quantiles(values: Floats, probabilities: Sequence[float]) -> Floats:
    """Order statistics with the finite-sample correction, outwards from the middle on both sides.

    >>> conformal_quantiles(np.arange(1.0, 10.0), [0.1, 0.5, 0.9]).tolist()
    [1.0, 5.0, 9.0]
    """
    ordered, n = np.sort(values), len(values)
    ranks = [math.floor((n + 1) * p + 1e-9) if p < 0.5 else math.ceil((n + 1) * p - 1e-9) for p in probabilities]
    return np.asarray(ordered[np.clip(ranks, 1, n) - 1])


def student_quantiles(probabilities: Sequence[float]) -> Floats:
    """Of Student's t with five degrees of freedom, divided by its mean absolute value.

    >>> student_quantiles([0.025, 0.5, 0.975]).round(2).tolist()
    [-2.71, 0.0, 2.71]
    """
    upper = np.maximum(probabilities, 1 - np.asarray(probabilities))
    values = np.interp(upper, _T_PROBABILITIES, _T_QUANTILES) / _T_MEAN_ABSOLUTE
    return np.asarray(np.where(np.asarray(probabilities) < 0.5, -values, values))


def _pooled(sample: Sample, scaled: Floats, blocks: NDArray[np.intp], probabilities: Sequence[float]) -> dict[str, Any]:
    """The table of a level with many groups: buckets of expected units, each parted by spread."""
    known = np.isfinite(scaled)
    mean, residual = sample.mean[known], scaled[known]
    spread = np.broadcast_to(sample.spread[:, :, None], known.shape)[known]
    block = np.broadcast_to(blocks, known.shape)[known]
    cells = max(1, len(mean) // _RESIDUALS_PER_CELL)
    spreads = min(_MOST_SPREADS, max(1, round(cells ** (1 / 3))))
    edges = _edges(mean, min(_MOST_MEANS, max(1, cells // spreads)))
    bucket = np.searchsorted(edges, mean, side="right")
    order = np.argsort(bucket, kind="stable")
    stops = np.searchsorted(bucket[order], np.arange(len(edges) + 2))
    middles, cuts, factors, table = [], [], [], []
    for rows in (order[first:last] for first, last in pairwise(stops)):
        middles.append(float(np.mean(mean[rows])))
        cuts.append(np.quantile(spread[rows], np.arange(1, spreads) / spreads))
        factors.append(_block_factors(residual[rows], block[rows], blocks[-1] + 1, independent=1.0))
        even = residual[rows] / factors[-1][block[rows]]
        cell = np.searchsorted(cuts[-1], spread[rows], side="right")
        table.append([_cell(even, cell == number, probabilities) for number in range(spreads)])
    return {
        "means": _rounded(np.array(middles)),
        "spread_edges": _rounded(np.array(cuts)).reshape(len(middles), -1),
        "residuals": _rounded(np.array(table)),
        "block_factors": _rounded(np.array(factors)),
        "usual_spread": float(np.median(spread)),
    }


def _cell(residual: Floats, chosen: NDArray[np.bool_], probabilities: Sequence[float]) -> Floats:
    """A cell of equal spreads may hold all rows or none; all rows of the bucket then speak for it."""
    values = residual[chosen]
    return conformal_quantiles(values if len(values) else residual, probabilities)


def _by_group(
    sample: Sample, scaled: Floats, blocks: NDArray[np.intp], probabilities: Sequence[float]
) -> dict[str, Any]:
    """Mean absolute residuals by group, drawn to their mean; one shape for all, drawn to Student's t.

    The residuals of neighbouring leads are alike, so a block of leads counts as one of them.
    """
    known, independent = np.isfinite(scaled), (blocks[-1] + 1) / len(blocks)
    block = np.broadcast_to(blocks, known.shape)[known]
    factors = _block_factors(scaled[known], block, blocks[-1] + 1, independent=independent)
    even = scaled / factors[blocks]
    usual = float(np.nanmean(np.abs(even)))
    counts, sums = known.sum(axis=(0, 2)) * independent, np.nansum(np.abs(even), axis=(0, 2)) * independent
    scales = np.maximum((sums + _PRIOR_PER_GROUP * usual) / (counts + _PRIOR_PER_GROUP), 1e-9)
    trust = counts.sum() / (counts.sum() + _PRIOR)
    seen = conformal_quantiles((even / scales[:, None])[known], probabilities)
    return {
        "means": np.ones(1),
        "spread_edges": np.zeros((1, 0)),
        "residuals": _rounded(trust * seen + (1 - trust) * student_quantiles(probabilities))[None, None],
        "block_factors": _rounded(factors)[None],
        "scales": dict(zip(sample.groups, _rounded(scales).tolist(), strict=True)),
        "usual_spread": usual,
    }


def _block_factors(residual: Floats, block: NDArray[np.intp], blocks: int, *, independent: float) -> Floats:
    """[blocks]: how much larger the residuals of each block are than all, as far as there are enough to tell.

    independent: as how many residuals that know nothing of each other each of them counts.
    """
    usual = float(np.mean(np.abs(residual)))
    counts = np.bincount(block, minlength=blocks)
    sums = np.bincount(block, weights=np.abs(residual), minlength=blocks)
    ratios = np.divide(sums, counts * usual, out=np.ones(blocks), where=(counts > 0) & (usual > 0))
    return np.asarray((counts * independent * ratios + _PRIOR) / (counts * independent + _PRIOR))


def _block_ends(horizon: int) -> tuple[int, ...]:
    """The horizon in about equal blocks of leads, four at most.

    >>> _block_ends(28), _block_ends(3)
    ((7, 14, 21, 28), (1, 2, 3))
    """
    blocks = min(_BLOCKS, horizon)
    return tuple(-(-horizon * block // blocks) for block in range(1, blocks + 1))


def _edges(mean: Floats, buckets: int) -> Floats:
    """Expected units between equally filled buckets; every bucket has some rows."""
    cuts = np.quantile(mean, np.arange(1, buckets) / buckets) if buckets > 1 else np.zeros(0)
    edges = np.unique(cuts)
    return np.asarray(edges[(edges > mean.min()) & (edges <= mean.max())])


def _rounded(values: Floats) -> Floats:
    """Six digits are kept: enough for units, and short to read. Rounding keeps the order."""
    return np.array([float(f"{value:.6g}") for value in values.ravel()]).reshape(values.shape)
