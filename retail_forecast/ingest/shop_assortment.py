"""Stores and items of the made-up shop, and how each of them behaves."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

OPENED = date(2018, 1, 1)
"""Nothing happened before: every draw depends on the days since, never on the window that is asked for."""


@dataclass(frozen=True)
class Department:
    """Shares of the week from Monday to Sunday; the year's peak as day of the year and swing around 1."""

    category: str
    week: tuple[float, ...]
    peak_day: int
    swing: float


@dataclass(frozen=True)
class Shop:
    """One store; `size` scales what it sells, `weekend` its Saturdays and Sundays, `growth` is per year."""

    store_id: str
    region: str
    size: float
    weekend: float
    growth: float


@dataclass(frozen=True)
class Item:
    """One item between two days; `units` per day in a store of size 1, `price` when it was new, in euros."""

    item_id: str
    department: str
    units: float
    price: float
    first: date
    last: date


DEPARTMENTS = {
    "bakery": Department("fresh", (0.80, 0.82, 0.88, 0.95, 1.15, 1.45, 0.95), 345, 0.08),
    "dairy": Department("fresh", (0.92, 0.88, 0.90, 0.98, 1.18, 1.36, 0.78), 20, 0.06),
    "drinks": Department("grocery", (0.75, 0.76, 0.82, 0.95, 1.38, 1.60, 0.74), 196, 0.32),
    "household": Department("grocery", (0.96, 0.92, 0.94, 0.98, 1.10, 1.38, 0.72), 110, 0.05),
    "outdoor": Department("leisure", (0.70, 0.70, 0.74, 0.86, 1.20, 1.78, 1.02), 180, 0.75),
}

SHOPS = (
    Shop("harbour", "north", 0.7, 1.25, 0.05),
    Shop("market", "centre", 1.3, 0.95, 0.01),
    Shop("station", "centre", 0.5, 0.72, 0.03),
)

_STAPLES: dict[str, dict[str, tuple[float, float]]] = {
    "bakery": {
        "baguette": (64, 1.29), "rye-bread": (28, 2.89), "croissant": (45, 1.19), "bagel": (14, 0.99),
        "sourdough": (19, 3.49), "cinnamon-bun": (16, 1.79), "apple-pie": (3.2, 8.90),
    },
    "dairy": {
        "whole-milk": (82, 1.19), "butter": (37, 2.29), "yoghurt": (48, 0.79), "cheddar": (15, 3.99),
        "eggs": (41, 2.69), "oat-milk": (18, 1.99), "feta": (8.5, 2.49),
    },
    "drinks": {
        "cola": (38, 1.49), "mineral-water": (66, 0.59), "orange-juice": (21, 2.19), "lager": (44, 1.09),
        "red-wine": (9.5, 6.99), "coffee-beans": (7.2, 9.90), "green-tea": (2.4, 2.99),
    },
    "household": {
        "washing-powder": (5.5, 7.49), "dish-soap": (7.8, 1.69), "paper-towels": (12, 2.79), "batteries": (1.6, 5.49),
        "light-bulb": (0.55, 6.90), "shoe-polish": (0.08, 4.29), "candles": (1.1, 3.29),
    },
    "outdoor": {
        "charcoal": (4.4, 5.99), "sunscreen": (2.6, 9.49), "picnic-blanket": (0.30, 19.90), "umbrella": (0.7, 12.90),
        "garden-hose": (0.12, 24.90), "bird-seed": (1.5, 3.99), "tent-pegs": (0.05, 2.99),
    },
}  # fmt: skip

_EDITIONS = {
    "festive-bread": ("bakery", 11, 3.99), "protein-shake": ("dairy", 13, 2.29), "craft-soda": ("drinks", 17, 1.89),
    "scented-soap": ("household", 2.1, 2.49), "beach-game": ("outdoor", 0.9, 11.90),
}  # fmt: skip
"""Items that are replaced by a new edition about every fourteen months, under a new name."""


def generator(seed: int, *about: object) -> random.Random:
    """A generator for the draws about one thing, whatever else is drawn."""
    return random.Random("/".join(map(str, (seed, *about))))  # noqa: S311 - made-up sales are no secret


def build_assortment(seed: int, until: date) -> list[Item]:
    """Every item that was ever listed up to `until`: 35 staples, and five that come and go in editions."""
    staples = [
        Item(name, department, units, price, OPENED, date.max)
        for department, items in _STAPLES.items()
        for name, (units, price) in items.items()
    ]
    return staples + [item for name in _EDITIONS for item in _editions(seed, name, until)]


def _editions(seed: int, name: str, until: date) -> Iterator[Item]:
    department, units, price = _EDITIONS[name]
    rng = generator(seed, "editions", name)
    first = OPENED
    while first <= until:
        last = first + timedelta(days=rng.randint(300, 540))
        yield Item(f"{name}-{first:%y%m}", department, units * rng.uniform(0.7, 1.4), price, first, last)
        first = last + timedelta(days=rng.randint(1, 15))
