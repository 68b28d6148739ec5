"""What each feature stands for when a forecast is explained: every feature belongs to exactly one driver.

level      what the series, its store and its department sell in the long run, and what they are
trend      what they sold of late, and how long the series is for sale
season     the weekday, the time of the year, the same days of earlier weeks and years
price      numbers of an item that are known ahead, and what they are relative to
promotion  flags and counts of an item that are known ahead, and whatever is named after a promotion
events     states of a store that are known ahead, such as holidays and opening, and how near they are
other      how far ahead the period is, and what else is known
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args

from retail_forecast.features.spec import (
    CovariateTable,
    FeatureSpec,
    ValueType,
    calendar_names,
    event_names,
    feature_names,
    past_names,
    relative_names,
    static_names,
)
from retail_forecast.features.windows import SALES, SMOOTHED

Driver = Literal["level", "trend", "season", "price", "promotion", "events", "other"]
DRIVERS: tuple[Driver, ...] = get_args(Driver)
_PROMOTIONS = ("promo", "discount", "campaign", "markdown", "coupon", "display", "offer")


def driver_of(spec: FeatureSpec) -> dict[str, Driver]:
    """Feature to driver, in the order of `feature_names`."""
    found = dict([*_described(spec), *_sales(spec), *_levels(spec), *_known_ahead(spec)])
    return {name: found[name] for name in feature_names(spec)}


def covariate_driver(name: str, kind: ValueType, table: CovariateTable) -> Driver:
    """What a value that is known ahead stands for: by its name if that speaks of promotions, else by its kind."""
    if any(word in name.lower() for word in _PROMOTIONS):
        return "promotion"
    if table.per_item:
        return "price" if kind == "float" else "promotion"
    return "events" if kind in ("boolean", "category") else "other"


def _described(spec: FeatureSpec) -> Iterator[tuple[str, Driver]]:
    yield from ((name, "level") for name in static_names(spec))
    yield from ((name, "season") for name in calendar_names(spec))
    yield from ((name, "other") for name in ("lead", *past_names(spec)))


def _sales(spec: FeatureSpec) -> Iterator[tuple[str, Driver]]:
    w = spec.windows
    long_run = [f"{SALES}_mean_{n}" for n in w.means if n >= w.level]
    seasonal = [*w.same_weekday, *(f"{SALES}_same_weekday_mean_{n}" for n in w.phase_counts), *w.season_names()]
    seasonal += [f"{SALES}_mean_{n}_years_before" for n in w.around_year]
    yield from ((name, "trend") for name in w.sales_names())
    yield from ((name, "level") for name in (*long_run, *(f"{SALES}_std_{n}" for n in w.stds), *w.zero_shares()))
    yield from ((name, "season") for name in (*seasonal, SMOOTHED))


def _levels(spec: FeatureSpec) -> Iterator[tuple[str, Driver]]:
    w = spec.windows
    for level in spec.levels:
        yield from ((name, "season") for name in w.level_names(level))
        yield from ((f"{level}_{SALES}_mean_{n}", "level" if n >= w.level else "trend") for n in w.level_means)


def _known_ahead(spec: FeatureSpec) -> Iterator[tuple[str, Driver]]:
    drivers = {
        name: covariate_driver(name, kind, table)
        for table in spec.covariates
        for name, kind in table.known_future.items()
    }
    yield from drivers.items()
    for column in spec.events:
        yield from ((name, drivers[column]) for name in event_names(spec) if name.startswith(f"{column}_"))
    for column in spec.relative:
        yield from ((name, drivers[column]) for name in relative_names(column, spec))
