"""What the made-up shop plans (prices, promotions) and what it sells on a day.

Every draw comes from a generator that is seeded with what it is about (an item and its week, a series and its day), so
a day's sales do not depend on which other days are asked for: a longer history has the same past.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from typing import Any, TypeVar

from retail_forecast.ingest.shop_assortment import DEPARTMENTS, OPENED, Item, Shop, generator
from retail_forecast.ingest.shop_holidays import holiday_factor

_SLOW = 1.2  # units per day below which an item sells intermittently
_PRICE_DAYS = 77  # a price is looked at again after so many days
_INFLATION = 0.025
_STOCK_DAYS = 60  # at most one stock-out in so many days
_STOCK_OUTS = 0.14
_LISTED_AT_STATION = 0.85

Value = TypeVar("Value")


@dataclass
class Behaviour:
    """One series: an item in a store, with what its demand answers to."""

    seed: int
    shop: Shop
    item: Item
    _seen: dict[tuple[str, int], Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        rng = self._rng("item", self.item.item_id)
        self.elasticity = rng.uniform(0.8, 2.4)
        self.uplift = rng.uniform(1.5, 3.0)
        self.promoted_share = rng.choice([0.0, 0.06, 0.10, 0.14]) if self.item.units > _SLOW else 0.0
        self.shelf_offset_days = rng.randrange(_PRICE_DAYS)
        self.wave_phase = rng.uniform(0, 2 * math.pi)
        taste = self._rng("series", self.shop.store_id, self.item.item_id)
        self.taste = taste.lognormvariate(0, 0.3)
        self.dispersion = taste.uniform(12, 60)
        self.listed = self.shop.store_id != "station" or taste.random() < _LISTED_AT_STATION

    def _rng(self, *about: object) -> random.Random:
        return generator(self.seed, *about)

    def _once(self, compute: Callable[[int], Value], period: int) -> Value:
        """What was computed for the period before, or now; drawing again would give the same, slowly."""
        key = (compute.__name__, period)
        if key not in self._seen:
            self._seen[key] = compute(period)
        value: Value = self._seen[key]
        return value

    def is_sold(self, day: date) -> bool:
        """Whether the item is in this store's assortment."""
        return self.listed and self.item.first <= day <= self.item.last

    def is_promoted(self, day: date) -> bool:
        """Promotions run from Monday to Sunday, mostly in every store at once."""
        return self._once(self._draw_promotion, (day.toordinal() - 1) // 7)

    def _draw_promotion(self, week: int) -> bool:
        chain = self._rng("promotion", self.item.item_id, week).random() < self.promoted_share
        return chain and self._rng("takes part", self.shop.store_id, self.item.item_id, week).random() < 0.9

    def price(self, day: date) -> float:
        """The shelf price in euros; it is the same in every store of the chain."""
        period = ((day - OPENED).days + self.shelf_offset_days) // _PRICE_DAYS
        return self._once(self._draw_price, period)

    def _draw_price(self, period: int) -> float:
        years = period * _PRICE_DAYS / 365.25
        level = self.item.price * math.pow(1 + _INFLATION, years) * (1 + self._price_deviation(period))
        return max(0.19, round(round(level, 1) - 0.01, 2))

    def _price_deviation(self, period: int) -> float:
        """Every second look, on average, changes the price; otherwise the last deviation stays."""
        while period > 0:
            rng = self._rng("price", self.item.item_id, period)
            if rng.random() < 0.5:
                return rng.uniform(-0.10, 0.12)
            period -= 1
        return 0.0

    def expected_units(self, day: date) -> float:
        """What would be sold on average with full shelves."""
        department = DEPARTMENTS[self.item.department]
        years = (day - OPENED).days / 365.25
        week = department.week[day.weekday()] * (self.shop.weekend if day.weekday() >= 5 else 1.0)
        turn = 2 * math.pi * (day.timetuple().tm_yday - department.peak_day) / 365.25
        trend = math.pow(1 + self.shop.growth, years) * math.exp(
            0.22 * math.sin(2 * math.pi * years / 2.6 + self.wave_phase)
        )
        usual_price = self.item.price * math.pow(1 + _INFLATION, years)
        answer = math.pow(self.price(day) / usual_price, -self.elasticity)
        scale = self.item.units * self.shop.size * self.taste
        season = math.exp(department.swing * math.cos(turn))
        calendar = holiday_factor(day, self.item.department) * self._promotion_factor(day) * self._life(day)
        return scale * week * season * trend * answer * calendar

    def _promotion_factor(self, day: date) -> float:
        if self.is_promoted(day):
            return self.uplift * (1.15 if day.weekday() < 2 else 1.0)
        stocked_up = day.weekday() < 4 and self.is_promoted(day - timedelta(days=7))
        return 0.82 if stocked_up else 1.0

    def _life(self, day: date) -> float:
        """A new edition takes weeks to be found; in its last month the shelf thins out."""
        if self.item.first == OPENED and self.item.last == date.max:
            return 1.0
        age, left = (day - self.item.first).days, (self.item.last - day).days
        return (1 - 0.8 * math.exp(-age / 18)) * (1 + 0.5 * math.exp(-age / 60)) * min(1.0, 0.25 + left / 40)

    def is_out_of_stock(self, day: date) -> bool:
        """Some deliveries fail: a run of days with nothing to sell."""
        days = (day - OPENED).days
        return days % _STOCK_DAYS in self._once(self._draw_stock_out, days // _STOCK_DAYS)

    def _draw_stock_out(self, period: int) -> range:
        rng = self._rng("stock", self.shop.store_id, self.item.item_id, period)
        first, length = rng.randrange(_STOCK_DAYS - 9), rng.randint(2, 9)
        return range(first, first + length) if rng.random() < _STOCK_OUTS else range(0)

    def units_sold(self, day: date) -> int:
        """Units sold on the day; none outside the assortment, on closed days and from empty shelves."""
        expected = self.expected_units(day) if self.is_sold(day) else 0.0
        if expected == 0 or self.is_out_of_stock(day):
            return 0
        footfall = _footfall(self.seed, self.shop.store_id, day)
        rng = self._rng("sold", self.shop.store_id, self.item.item_id, day)
        return _poisson(rng, expected * footfall * rng.gammavariate(self.dispersion, 1 / self.dispersion))


@cache
def _footfall(seed: int, store_id: str, day: date) -> float:
    return generator(seed, "footfall", store_id, day).lognormvariate(0, 0.07)


def _poisson(rng: random.Random, mean: float) -> int:
    """A draw from the Poisson distribution: exact below 30, rounded normal above."""
    if mean > 30:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, count, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        count += 1
        product *= rng.random()
    return count
