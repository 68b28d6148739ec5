"""What drives a forecast: TreeSHAP of every member, by driver, in units that add up to the forecast.

A member with a log link is a product: units = exp(b + φ₁ + φ₂ + …), b being what TreeSHAP starts from and φ the sums of
its values by driver. In units it is shared out by logarithmic means: driver d contributes φ_d · L(units, e) with
e = exp(b) and L(x, y) = (x - y) / (ln x - ln y), which adds up to units - e and leaves no rest. The level of a series
(of the member that is relative to it) and the alignment to its group are factors too, and belong to the driver level.
Every member of a pool starts from the plain one's e, so that the ensemble has one starting value. A member without a
logarithm adds up units as they are. The forecast is the mean of the members, and so are its parts.

To a member that sees units as they are, what was sold on the last Mondays says how large a series is as well as what
Mondays are like. So of such features the average over the horizon is level, and what is left is trend or season.
Source: Lundberg et al. (2018) for TreeSHAP; Ang, The LMDI approach to decomposition analysis: a practical guide, Energy
Policy 33 (2005), for the logarithmic means.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retail_forecast.features import FeatureSpec
from retail_forecast.models.bundle import Bundle
from retail_forecast.models.drivers import DRIVERS, driver_of
from retail_forecast.models.ensemble import as_seen, least_units
from retail_forecast.models.feature_matrix import Matrix
from retail_forecast.models.gradient_boosting import Booster
from retail_forecast.models.recipe import PLAIN, SCALED

Floats = NDArray[np.float64]
_LEVEL, _TREND, _SEASON, _OTHER = (DRIVERS.index(name) for name in ("level", "trend", "season", "other"))


@dataclass(frozen=True)
class Explanation:
    """Of N rows, in units: expected [N], contributions [N, D] in the order of DRIVERS; their sum is the forecast."""

    expected: Floats
    contributions: Floats

    @property
    def mean(self) -> Floats:
        """[N]: the forecast that is explained."""
        return np.asarray(self.expected + self.contributions.sum(axis=1))


def explain(bundle: Bundle, store_id: str, rows_of: Callable[[str], Matrix], *, alignment: Floats) -> Explanation:
    """The drivers of the forecasts of one series over the horizon.

    rows_of: its rows [N, F] as a pool encodes them. alignment: [N], what their means are multiplied with.
    """
    parts = [
        part
        for pool in bundle.pools_for(store_id)
        for part in _explain_pool(bundle, bundle.members(pool), rows_of(pool), alignment)
    ]
    expected, contributions = (np.mean(both, axis=0) for both in zip(*parts, strict=True))
    return Explanation(expected, contributions)


def _explain_pool(
    bundle: Bundle, boosters: dict[str, Booster], matrix: Matrix, alignment: Floats
) -> list[tuple[Floats, Floats]]:
    """(expected, contributions) of each member; the members are asked side by side."""
    groups, found = _membership(bundle.spec), []
    start: Floats | None = None
    members = sorted(boosters, key=lambda name: name != PLAIN)
    seen = [as_seen(member, matrix, bundle.columns) for member in members]
    with ThreadPoolExecutor(len(members)) as threads:
        contributions = list(threads.map(lambda n: boosters[members[n]].contributions(seen[n][0]), range(len(members))))
    for member, (_, offset), (values, base) in zip(members, seen, contributions, strict=True):
        by_driver = values @ groups
        if member != SCALED:
            _move_averages(by_driver, values, groups, bundle.columns.units)
        if not boosters[member].is_log:
            found.append(_added(base, by_driver, alignment, least_units(bundle.recipe)))
            continue
        start = base if start is None else start
        by_driver[:, _LEVEL] += np.log(alignment) + (base - start) + (0.0 if offset is None else offset)
        found.append(_multiplied(start, by_driver))
    return found


def _move_averages(by_driver: Floats, values: Floats, groups: Floats, units: list[int]) -> None:
    """Makes level, in place, of what features that count units say on average of trend and season."""
    averages = (values[:, units] @ groups[units]).mean(axis=0)
    for driver in (_TREND, _SEASON):
        by_driver[:, driver] -= averages[driver]
        by_driver[:, _LEVEL] += averages[driver]


def _multiplied(start: Floats, logarithms: Floats) -> tuple[Floats, Floats]:
    """Of units = exp(start + sum of logarithms)."""
    expected, total = np.exp(start), logarithms.sum(axis=1)
    rest = np.where(total == 0, 1.0, total)
    logarithmic_mean = expected * np.where(total == 0, 1.0, np.expm1(rest) / rest)
    return expected, logarithms * logarithmic_mean[:, None]


def _added(base: Floats, units: Floats, alignment: Floats, least: float) -> tuple[Floats, Floats]:
    """Of units = base + sum, which are then kept from falling below the least and aligned."""
    raw = base + units.sum(axis=1)
    kept = np.maximum(raw, least)
    units[:, _OTHER] += kept - raw
    units[:, _LEVEL] += kept * (alignment - 1.0)
    return base, units


def _membership(spec: FeatureSpec) -> Floats:
    """[F, D]: one where a feature belongs to a driver."""
    drivers = driver_of(spec).values()
    return np.array([[float(driver == one) for one in DRIVERS] for driver in drivers])
