"""Feature rows as the numbers that a model reads, and the same relative to what each series sells of late."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retail_forecast.features import FeatureSpec, encode_categories, feature_names, level_names
from retail_forecast.features.spec import ratio_name, reference_names
from retail_forecast.features.windows import SALES

Matrix = NDArray[np.float32]
_LEAST_LEVEL = 1e-3


def build_feature_matrix(frame: pl.DataFrame, spec: FeatureSpec, categories: Mapping[str, list[str]]) -> Matrix:
    """[N, F] in the order of `feature_names`; NaN where a feature is missing or a category was never seen."""
    encoded = encode_categories(frame.select(feature_names(spec)), categories)
    return encoded.select(pl.all().cast(pl.Float32).fill_null(float("nan"))).to_numpy()


@dataclass(frozen=True)
class Columns:
    """Where the features of a spec stand in its matrix."""

    spec: FeatureSpec

    @cached_property
    def position(self) -> dict[str, int]:
        """Feature to column."""
        return {name: column for column, name in enumerate(feature_names(self.spec))}

    def levels(self, matrix: Matrix) -> NDArray[np.float64]:
        """[N]: units that each row's series sells of late, with some of its store's; above zero."""
        recent, long, store = (_known(matrix[:, at].astype(np.float64)) * weight for at, weight in self._level)
        return np.maximum((long + store) + recent, _LEAST_LEVEL)  # another order rounds otherwise: other models

    def relative(self, matrix: Matrix, levels: NDArray[np.float64]) -> Matrix:
        """The same rows with the series' units divided by its level, and those of its groups by the group's own."""
        matrix = matrix.copy(order="K")
        matrix[:, self._own] /= levels.astype(np.float32)[:, None]
        for reference, others in self._shared:
            units = matrix[:, reference]
            matrix[:, others] /= np.where(units > 0, units, np.float32(np.nan))[:, None]
        return matrix

    @cached_property
    def ratios(self) -> list[tuple[int, int, int]]:
        """The columns of every ratio, of what it divides and by what."""
        spec, at = self.spec, self.position
        pairs = [(column, reference) for column in spec.relative for reference in reference_names(column, spec)]
        return [(at[ratio_name(*pair)], at[pair[0]], at[pair[1]]) for pair in pairs]

    def usual(self, column: str) -> int | None:
        """The column that says what is usual of a known-future number for a series: its mean over the long window."""
        if column not in self.spec.relative:
            return None
        return self.position[reference_names(column, self.spec)[1]]

    def add_ratios(self, matrix: Matrix) -> None:
        """Works out, in place, the ratios of known-future numbers; one to nothing is unknown."""
        with np.errstate(divide="ignore", invalid="ignore"):
            for ratio, column, reference in self.ratios:
                below = matrix[:, reference]
                matrix[:, ratio] = np.where(below != 0, matrix[:, column] / below, np.float32(np.nan))

    @cached_property
    def units(self) -> list[int]:
        """The columns that count units of a series or of its groups."""
        w = self.spec.windows
        names = [*w.sales_units(), *(name for group in self.spec.levels for name in w.level_units(group))]
        return [self.position[name] for name in names]

    @cached_property
    def _level(self) -> list[tuple[int, float]]:
        return [(self.position[name], weight) for name, weight in level_names(self.spec).items()]

    @cached_property
    def _own(self) -> list[int]:
        w = self.spec.windows
        return [self.position[name] for name in w.sales_units() if name != f"{SALES}_mean_{w.level}"]

    @cached_property
    def _shared(self) -> list[tuple[int, list[int]]]:
        w, found = self.spec.windows, []
        for group in self.spec.levels:
            reference = f"{group}_{SALES}_mean_{w.level_means[-1]}"
            others = [self.position[name] for name in w.level_units(group) if name != reference]
            found.append((self.position[reference], others))
        return found


def _known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isnan(values), 0.0, values)
