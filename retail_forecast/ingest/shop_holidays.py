"""The made-up shop's calendar: holidays, the days before them, and the days on which it is closed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache


@dataclass(frozen=True)
class Holiday:
    """`lead_days` before it sales rise to `peak` (by department; others by half as much)."""

    name: str
    closed: bool
    lead_days: int
    peak: dict[str, float]


_NEW_YEAR = Holiday("new-year", True, 3, {"drinks": 1.7, "bakery": 1.2})
_VALENTINE = Holiday("valentines-day", False, 2, {"bakery": 1.3, "drinks": 1.2})
_EASTER = Holiday("easter", True, 7, {"bakery": 1.6, "dairy": 1.5, "drinks": 1.3})
_MAY_DAY = Holiday("may-day", False, 3, {"drinks": 1.4, "outdoor": 1.9})
_HALLOWEEN = Holiday("halloween", False, 4, {"household": 1.3, "bakery": 1.2})
_BLACK_FRIDAY = Holiday("black-friday", False, 1, {"household": 1.6, "outdoor": 1.7})
_CHRISTMAS = Holiday("christmas", True, 14, {"bakery": 1.8, "dairy": 1.7, "drinks": 1.9, "household": 1.4})
_LONGEST_LEAD_DAYS = 14


@cache
def holidays_of(year: int) -> dict[date, Holiday]:
    """The year's holidays by their date."""
    first_november = date(year, 11, 1)
    fourth_friday = first_november + timedelta(days=(4 - first_november.weekday()) % 7 + 21)
    return {
        date(year, 1, 1): _NEW_YEAR,
        date(year, 2, 14): _VALENTINE,
        easter_sunday(year): _EASTER,
        date(year, 5, 1): _MAY_DAY,
        date(year, 10, 31): _HALLOWEEN,
        fourth_friday: _BLACK_FRIDAY,
        date(year, 12, 25): _CHRISTMAS,
    }


def holiday_on(day: date) -> Holiday | None:
    """The holiday of this day, if it is one."""
    return holidays_of(day.year).get(day)


@cache
def holiday_factor(day: date, department: str) -> float:
    """What holidays do to a department's sales: a rise before, nothing sold when closed, a dip after.

    >>> holiday_factor(date(2024, 12, 25), "bakery")
    0.0
    """
    today = holiday_on(day)
    if today is not None and today.closed:
        return 0.0
    yesterday = holiday_on(day - timedelta(days=1))
    factor = 0.85 if yesterday is not None and yesterday.lead_days > 1 else 1.0
    for days_to, holiday in _ahead(day):
        half = 1 + (max(holiday.peak.values()) - 1) / 2
        peak = holiday.peak.get(department, half)
        nearness = 1 - days_to / (holiday.lead_days + 1)
        factor *= 1 + (peak - 1) * nearness**1.5
    return factor


def _ahead(day: date) -> Iterator[tuple[int, Holiday]]:
    for days_to in range(_LONGEST_LEAD_DAYS + 1):
        holiday = holiday_on(day + timedelta(days=days_to))
        if holiday is not None and days_to <= holiday.lead_days:
            yield days_to, holiday


def easter_sunday(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (anonymous algorithm, Nature, 20 April 1876).

    >>> easter_sunday(2024)
    datetime.date(2024, 3, 31)
    """
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    i = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    m = (a + 11 * h + 22 * i) // 451
    month, day = divmod(h + i - 7 * m + 114, 31)
    return date(year, month, day + 1)
