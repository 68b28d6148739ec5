"""What a model has seen of the covariates that are known ahead, so that it can be told what lies beyond it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import polars as pl

from retail_forecast.features import FeatureSpec
from retail_forecast.features.spec import ratio_name, reference_names

_RARE = 0.001
Value = bool | str | None


@dataclass(frozen=True)
class Range:
    """From the lowest to the highest."""

    min: float
    max: float


@dataclass(frozen=True)
class Seen:
    """Of the rows that a pool's model learned from.

    numbers: the range of each number. ratios: the range of what each number of an item was relative to its own mean
    over the long window, without the rarest in a thousand at either end, which are slips more often than prices.
    values: each flag or category that occurred, None where it was missing.
    """

    numbers: Mapping[str, Range]
    ratios: Mapping[str, Range]
    values: Mapping[str, tuple[Value, ...]]

    def range_for(self, name: str, usual: float) -> Range | None:
        """What a number may be for a series with that usual value (NaN where it has none); None if none was known."""
        overall, ratio = self.numbers.get(name), self.ratios.get(name)
        if overall is None or ratio is None or not usual > 0:
            return overall
        low, high = max(overall.min, usual * ratio.min), min(overall.max, usual * ratio.max)
        return Range(low, high) if low <= high else overall

    def to_json(self) -> dict[str, Any]:
        """Plain values for seen.json."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        numbers, ratios = ({name: Range(**one) for name, one in raw[part].items()} for part in ("numbers", "ratios"))
        return cls(numbers, ratios, {name: tuple(values) for name, values in raw["values"].items()})


def read_seen(rows: pl.DataFrame, spec: FeatureSpec) -> Seen:
    """What is seen in feature rows; those without known sales teach nothing and do not count."""
    known = rows.filter(pl.col("units_sold").is_not_null())
    kinds = spec.known_future
    numbers = [name for name, kind in kinds.items() if kind in ("float", "integer")]
    usual = {name: ratio_name(name, reference_names(name, spec)[1]) for name in spec.relative}
    return Seen(
        numbers={name: one for name in numbers if (one := _range(known[name], rare=0.0)) is not None},
        ratios={name: one for name, ratio in usual.items() if (one := _range(known[ratio], rare=_RARE)) is not None},
        values={name: _values(known[name], kind) for name, kind in kinds.items() if name not in numbers},
    )


def _range(values: pl.Series, *, rare: float) -> Range | None:
    found = values.drop_nulls()
    low, high = found.quantile(rare, "lower"), found.quantile(1 - rare, "higher")
    return None if low is None or high is None else Range(float(low), float(high))


def _values(values: pl.Series, kind: str) -> tuple[Value, ...]:
    """Sorted, a missing one last; flags are numbers in features."""
    found = values.drop_nulls().unique().sort()
    known: list[Value] = found.cast(pl.Boolean).to_list() if kind == "boolean" else found.to_list()
    return (*known, None) if values.null_count() else tuple(known)
