"""Quantiles of one level of the hierarchy from the residuals of a backtest: split-conformal, by level and lead.

A residual is scaled by sqrt(m + m²), m being the expected units: the standard deviation of a negative binomial of
dispersion one, near a Poisson's for slow sellers and proportional for fast ones.

A level with many groups pools residuals of about the same expected units and spread (see `spread`). A level with few
groups has too few residuals for that: there each group has a scale of its own, and all of them share one shape.
Source: Lei et al., Distribution-Free Predictive Inference for Regression (2018), with locally weighted residuals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retail_forecast.errors import NotFoundError

FORMAT = 2
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Intervals:
    """Residual quantiles [B, S, P] of B buckets of expected units, S buckets of spread and P probabilities.

    means: [B], expected units at the middle of each bucket; between them residuals are interpolated.
    spread_edges: [B, S - 1], spreads that part the buckets of spread.
    block_ends, block_factors: the last lead of each block, and how much larger its residuals are, [B, blocks].
    scales: of a level with few groups: group to the scale of its residuals; None where residuals are pooled.
    usual_spread: what is taken for a group without a spread (or without a scale, at a level with few groups).
    whole: sales are whole units, and so are the quantiles.
    """

    means: Floats
    spread_edges: Floats
    residuals: Floats
    probabilities: tuple[float, ...]
    block_ends: tuple[int, ...]
    block_factors: Floats
    scales: Mapping[str, float] | None = None
    usual_spread: float = 0.0
    non_negative: bool = True
    whole: bool = False
    _tables: dict[tuple[float, ...], Floats] = field(default_factory=dict, init=False, repr=False)

    def spreads(self, groups: Sequence[str], recent: Floats) -> Floats:
        """[G]: what `quantiles` wants to know of each group, in the precision in which it is kept beside forecasts.

        recent: its spread of late (`compute_spread`).
        """
        scales = self.scales
        own = recent if scales is None else np.array([scales.get(group, self.usual_spread) for group in groups])
        return own.astype(np.float32).astype(np.float64)

    def quantiles(
        self, mean: Floats, lead: NDArray[np.integer], spread: Floats, probabilities: Sequence[float]
    ) -> Floats:
        """[R] to [R, Q]: quantiles of units; they never cross, and are never negative where sales are not."""
        wanted = self._at(tuple(sorted(probabilities)))
        block = np.minimum(np.searchsorted(self.block_ends, lead), len(self.block_ends) - 1)
        spread = np.where(np.isfinite(spread), spread, self.usual_spread)
        width = scale_of(mean) if self.scales is None else scale_of(mean) * spread
        units = mean[:, None] + self._between(wanted, mean, block, spread) * width[:, None]
        units = np.rint(units) if self.whole else units
        return np.asarray(np.maximum(units, 0.0) if self.non_negative else units)

    def add_quantiles(self, frame: pl.DataFrame, probabilities: Sequence[float]) -> pl.DataFrame:
        """The same rows (with lead, mean and spread) and a Float32 column q<probability> per quantile.

        Without a column `spread`, or where it is null, a usual one is meant.
        """
        numbers = frame.select(pl.col("mean", "lead").cast(pl.Float64), _spread_of(frame))
        mean, lead, spread = (numbers[name].to_numpy() for name in ("mean", "lead", "spread"))
        units = self.quantiles(mean, lead.astype(np.int64), spread, probabilities)
        names = [f"q{probability:g}" for probability in sorted(probabilities)]
        return frame.with_columns(
            **{name: pl.Series(units[:, column]).cast(pl.Float32) for column, name in enumerate(names)}
        )

    def _at(self, probabilities: tuple[float, ...]) -> Floats:
        """[B, S, Q]: linear between the kept probabilities, the outermost beyond them. Worked out once."""
        if probabilities not in self._tables:
            flat = self.residuals.reshape(-1, len(self.probabilities))
            rows = [np.interp(probabilities, self.probabilities, row) for row in flat]
            self._tables[probabilities] = np.array(rows).reshape(*self.residuals.shape[:2], len(probabilities))
        return self._tables[probabilities]

    def _between(self, residuals: Floats, mean: Floats, block: NDArray[np.intp], spread: Floats) -> Floats:
        """[R, Q]: the residuals of the two buckets whose middles lie around each mean, weighed by nearness."""
        middles, at = np.log(np.maximum(self.means, 1e-6)), np.log(np.maximum(mean, 1e-6))
        below = np.maximum(np.searchsorted(middles, at, side="right") - 1, 0)
        above = np.minimum(below + 1, len(middles) - 1)
        gap = np.where(above > below, middles[above] - middles[below], 1.0)
        nearness = np.clip((at - middles[below]) / gap, 0.0, 1.0)[:, None]
        low, high = (
            residuals[bucket, self._spread_bucket(bucket, spread)] * self.block_factors[bucket, block][:, None]
            for bucket in (below, above)
        )
        return np.asarray((1 - nearness) * low + nearness * high)

    def _spread_bucket(self, bucket: NDArray[np.intp], spread: Floats) -> NDArray[np.intp]:
        if self.scales is not None or self.spread_edges.shape[1] == 0:
            return np.zeros(len(spread), dtype=np.intp)
        return np.asarray((spread[:, None] >= self.spread_edges[bucket]).sum(axis=1))

    def to_json(self) -> dict[str, Any]:
        """Plain values for intervals.json."""
        values = {**vars(self), "scales": None if self.scales is None else dict(self.scales)}
        del values["_tables"]
        return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in values.items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        names = ("means", "spread_edges", "residuals", "block_factors")
        arrays = {name: np.array(values[name], dtype=np.float64) for name in names}
        arrays["spread_edges"] = arrays["spread_edges"].reshape(len(arrays["means"]), -1)
        tuples = {name: tuple(values[name]) for name in ("probabilities", "block_ends")}
        return cls(**{**values, **arrays, **tuples})


def scale_of(mean: Floats) -> Floats:
    """[R]: what residuals are divided by."""
    units = np.maximum(np.abs(mean), 1e-6)
    return np.asarray(np.sqrt(units + units**2))


def intervals_to_json(levels: Mapping[str, Intervals]) -> dict[str, Any]:
    """Level to intervals, as plain values for intervals.json."""
    return {"format": FORMAT, "levels": {name: one.to_json() for name, one in levels.items()}}


def intervals_from_json(values: Mapping[str, Any]) -> dict[str, Intervals]:
    """The inverse of `intervals_to_json`. Raises NotFoundError for what an earlier version wrote."""
    if values.get("format") != FORMAT:
        raise NotFoundError("Intervals that this version can read", fix="Train again.")
    return {name: Intervals.from_json(one) for name, one in values["levels"].items()}


def _spread_of(frame: pl.DataFrame) -> pl.Expr:
    spread = pl.col("spread") if "spread" in frame.columns else pl.lit(None)
    return spread.cast(pl.Float64).fill_null(float("nan")).alias("spread")
