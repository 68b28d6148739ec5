"""Features of groups of series, several rolling cutoffs to a horizon: few series can tell the more that way."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from retail_forecast.features.build import build_features
from retail_forecast.features.groups import (
    Grouping,
    group_of,
    group_releases,
    group_spec,
    sum_covariates,
    sum_sales,
)
from retail_forecast.features.spec import FeatureSpec

_PHASES = 4
Tables = Mapping[str, pl.LazyFrame]


def training_phases(spec: FeatureSpec) -> list[int]:
    """By how many periods the rolling cutoffs of each set of rows lie before those of the first.

    >>> training_phases(FeatureSpec("1d", 28)), training_phases(FeatureSpec("1w", 2))
    ([0, 7, 14, 21], [0, 1])
    """
    count = min(_PHASES, spec.horizon)
    return [spec.horizon * phase // count for phase in range(count)]


def build_group_features(
    sales: pl.LazyFrame,
    covariates: Tables,
    attributes: Tables,
    releases: pl.LazyFrame,
    spec: FeatureSpec,
    grouping: Grouping,
    *,
    cutoff: date,
    start: date,
    phases: list[int],
) -> pl.DataFrame:
    """One row per phase, group and period: `phase`, then as `build_features` has it with `group_spec(spec)`.

    Rolling cutoffs of a phase are those of `cutoff`, so many periods earlier. releases: see `build_features`.
    """
    members = group_of(releases, attributes, spec, grouping).collect().lazy()
    sums = sum_sales(sales.filter(pl.col("date") <= cutoff), members, spec).collect().lazy()
    tables = {name: rows.collect().lazy() for name, rows in sum_covariates(covariates, members, spec).items()}
    described = group_spec(spec)
    kept = {table.name: attributes[table.name] for table in described.attribute_tables}
    born = group_releases(members)
    frames = [
        build_features(
            sums, tables, kept, described, cutoff=spec.shift(cutoff, -phase), start=start, releases=born
        ).select(pl.lit(phase, dtype=pl.Int32).alias("phase"), pl.all())
        for phase in phases
    ]
    return pl.concat(frames).collect()
