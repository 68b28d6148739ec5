"""How a model is trained, as plain values: equal recipes on equal features give byte-identical models."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, Self, get_args

from retail_forecast.errors import ConfigurationError

Member = Literal["plain", "scaled", "wide", "full"]
PLAIN, SCALED, WIDE, FULL = get_args(Member)

_LARGE = 200_000


@dataclass(frozen=True)
class Recipe:
    """Settings of the ensemble and its gradient boosting.

    members: whose forecasts are averaged (see `ensemble`); group_members those of the groups' model.
    trees, learning_rate: of a large pool; a small one gets more and slower trees (`rounds`), which cost it little.
    window_periods: training rows are the last so many periods up to the cutoff; more where series are few (`window`).
    most_rows: a pool with more rows in its window learns from an even sample of about so many.
    objective: "tweedie" for sales that are never negative, "regression" (squared error) where returns count.
    min_data_in_leaf: at most; small data gets smaller leaves (`leaf_rows`).
    aligned: whether items follow the forecasts of groups (see `alignment`), which learn by `for_groups`.
    regression: what a regression counts beside the trees of groups (see `group_model`), from 0 to 1.
    """

    members: tuple[Member, ...] = (PLAIN, SCALED)
    objective: Literal["tweedie", "regression"] = "tweedie"
    window_periods: int = 730
    most_rows: int = 500_000
    trees: int = 120
    learning_rate: float = 0.1
    leaves: int = 63
    min_data_in_leaf: int = 200
    max_bin: int = 63
    feature_fraction: float = 0.35
    row_fraction: float = 0.7
    tweedie_power: float = 1.1
    aligned: bool = True
    group_window_periods: int = 1456
    group_members: tuple[Member, ...] = (SCALED,)
    group_trees: int = 250
    regression: float = 0.3
    seed: int = 1
    threads: int = 1

    def for_groups(self) -> Recipe:
        """The recipe of the groups' model: few series, so more years, smaller leaves, more features."""
        return replace(
            self,
            members=self.group_members,
            window_periods=self.group_window_periods,
            most_rows=2_000_000,
            trees=self.group_trees,
            learning_rate=12.5 / self.group_trees,
            leaves=63,
            min_data_in_leaf=40,
            max_bin=127,
            feature_fraction=0.5,
            row_fraction=0.6,
            aligned=False,
        )

    def for_member(self, member: str) -> Recipe:
        """The recipe with what is a member's own: larger trees or more features, and fewer trees that learn faster."""
        fewer = replace(self, trees=max(1, self.trees // 2), learning_rate=self.learning_rate * 2)
        if member == WIDE:
            return replace(fewer, leaves=2 * self.leaves + 1)
        return replace(fewer, feature_fraction=max(0.8, self.feature_fraction)) if member == FULL else self

    def window(self, series: int) -> int:
        """Periods to learn from: as many as give few series `most_rows` rows, up to the window of groups.

        >>> Recipe().window(30_490), Recipe().window(500), Recipe().window(10)
        (730, 1000, 1456)
        """
        return max(self.window_periods, min(self.most_rows // max(1, series), self.group_window_periods))

    def leaf_rows(self, rows: int) -> int:
        """Rows that a leaf needs at least, of a pool of `rows`.

        >>> Recipe().leaf_rows(80_000), Recipe().leaf_rows(2_000_000)
        (20, 200)
        """
        return max(5, min(self.min_data_in_leaf, max(20, rows // 5_000), rows // 20))

    def leaves_for(self, rows: int) -> int:
        """Leaves of a tree: half as many in a small pool."""
        return self.leaves if rows >= _LARGE else max(2, (self.leaves + 1) // 2)

    def rounds(self, rows: int) -> int:
        """Trees for a pool of `rows`; the learning rate shrinks in proportion.

        >>> Recipe(trees=100).rounds(2_000_000), Recipe(trees=100).rounds(100_000), Recipe(trees=100).rounds(1_000)
        (100, 200, 400)
        """
        return self.trees * (1 if rows >= _LARGE else 2 if rows >= _LARGE // 4 else 4)

    def to_json(self) -> dict[str, Any]:
        """All values, for bundle.json and for a job's hyperparameters."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`; what is left out keeps its default."""
        known = [field.name for field in fields(cls)]
        if unknown := sorted(set(values) - set(known)):
            raise ConfigurationError(key="recipe", found=unknown[0], expected=f"one of {', '.join(known)}")
        lists = {name: tuple(values[name]) for name in ("members", "group_members") if name in values}
        return cls(**{**values, **lists})

    @property
    def digest(self) -> str:
        """Equal exactly for equal recipes."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()


Preset = Literal["fast", "standard", "best"]
PRESETS: Mapping[Preset, Recipe] = {
    "fast": Recipe(
        members=(PLAIN,),
        window_periods=420,
        most_rows=150_000,
        trees=50,
        learning_rate=0.12,
        leaves=31,
        group_trees=125,
    ),
    "standard": Recipe(),
    "best": Recipe(most_rows=1_000_000, trees=240, learning_rate=0.05, group_members=(SCALED, WIDE, FULL)),
}
"""Recipes by budget, for daily data."""
