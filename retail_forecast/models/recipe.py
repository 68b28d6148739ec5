"""How a model is trained, as plain values: equal recipes on equal features give byte-identical models."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self

from retail_forecast.errors import ConfigurationError


@dataclass(frozen=True)
class Recipe:
    """Settings of the gradient boosting.

    window_periods: training rows are the last so many periods up to the cutoff.
    most_rows: a pool with more rows than this learns from fewer periods, the latest, but from half the window at least.
    objective: "tweedie" for sales that are never negative, "regression" (squared error) where returns count.
    min_data_in_leaf: at most; small data gets smaller leaves (`leaf_rows`).
    """

    objective: Literal["tweedie", "regression"] = "tweedie"
    window_periods: int = 540
    most_rows: int = 1_200_000
    trees: int = 240
    learning_rate: float = 0.075
    leaves: int = 127
    min_data_in_leaf: int = 200
    max_bin: int = 100
    feature_fraction: float = 0.5
    row_fraction: float = 0.7
    tweedie_power: float = 1.1
    seed: int = 1
    threads: int = 1

    def leaf_rows(self, rows: int) -> int:
        """Rows that a leaf needs at least, of a pool of `rows`.

        >>> Recipe().leaf_rows(80_000), Recipe().leaf_rows(2_000_000)
        (20, 200)
        """
        return max(5, min(self.min_data_in_leaf, max(20, rows // 5_000), rows // 20))

    def to_json(self) -> dict[str, Any]:
        """All values, for bundle.json and for a job's hyperparameters."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`; what is left out keeps its default."""
        known = [field.name for field in fields(cls)]
        if unknown := sorted(set(values) - set(known)):
            raise ConfigurationError(key="recipe", found=unknown[0], expected=f"one of {', '.join(known)}")
        return cls(**values)

    @property
    def digest(self) -> str:
        """Equal exactly for equal recipes."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()
